import { WebSocket } from 'ws';

/** Acknowledges every envelope and does nothing else. */
const [apiUrl = '', appToken = ''] = process.argv.slice(2);
const response = await fetch(`${apiUrl}apps.connections.open`, { method: 'POST', headers: { authorization: `Bearer ${appToken}` } });
const answer: unknown = await response.json();
const socket = new WebSocket(String(Reflect.get(Object(answer), 'url')));
socket.on('message', (data) => {
  const frame: unknown = JSON.parse(String(data));
  if (Reflect.get(Object(frame), 'type') === 'hello') process.send?.('here');
  const id: unknown = Reflect.get(Object(frame), 'envelope_id');
  if (typeof id === 'string') socket.send(JSON.stringify({ envelope_id: id, payload: {} }));
});
