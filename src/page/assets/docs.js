// Shows the specification of this service with Swagger UI, in the colours that the system has.
// @ts-check

const dark = matchMedia('(prefers-color-scheme: dark)');
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', follow);
follow();

// @ts-expect-error -- of swagger-ui-bundle.js, which is loaded before
globalThis.SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  // It would be asked at another host.
  validatorUrl: null,
  // A key stays in the tab that it was typed into.
  persistAuthorization: false,
});
