import { createClient } from 'bellhop/client';

const { BELLHOP_URL: url = '', BELLHOP_KEY: key = '' } = process.env;
const api = createClient({ url, key, locationId: 'kamen-test' });

await api.locations.put('kamen-test', { title: 'Kamen Test' });
const { secret } = await api.endpoints.create({ url: 'https://booking.example.com/hooks/vr' });
console.log(`verify with ${secret}`);

const { events } = await api.events.handOver({
  uuid: '41509791-3de8-5bb9-b4fc-a9753da95aad',
  action: 'create',
  locationId: 'kamen-test',
  stations: 1,
  customerid: 7685,
});
console.log(`stored as ${events[0]?.sequence}`);

for await (const delivery of api.deliveries.list({ outcome: 'failed' })) console.log(delivery.reason);
for await (const { uuid, sequence } of api.events.list({ after: 0 })) console.log(sequence, uuid);
