# The service on one page: docker build --tag bellhop:0.1.0 .
# glibc, not Alpine: the embedded PostgreSQL needs it.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY build.js tsconfig.json ./
COPY drizzle ./drizzle
COPY bin ./bin
COPY src ./src
RUN npm run build
# The links that the embedded PostgreSQL needs are made here: later the tree may be read-only.
RUN ["node", "--import", "tsx", "--input-type=module", "--eval", "await (await import('./src/db/embedded-binaries.ts')).findBinaries();"]
RUN npm prune --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
WORKDIR /app
RUN ["install", "--directory", "--owner=node", "--group=node", "--mode=0700", "/data"]
COPY --from=build /app ./
# The user `node` by its number, so that Kubernetes can see that it is not root.
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["node", "--eval", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/main.js"]
