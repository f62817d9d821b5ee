// A mail server for the tests: real SMTP (STARTTLS left out: it stays on this machine), and over HTTP, on the same port,
// what it was sent. Who speaks first and in HTTP's words is HTTP.
//
//   GET /                      ok
//   GET /messages?to=ADDRESS   what was sent to an address: [{ "from": …, "to": [ … ], "raw": … }]
//
// Usage: node server.mjs PORT. A recipient that begins with `refused` is refused.

import http from 'node:http';
import net from 'node:net';
import { SMTPServer } from 'smtp-server';

const messages = [];

const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    size: 10 * 1024 * 1024,
    logger: false,
    onRcptTo(address, session, done) {
        if (address.address.startsWith('refused')) {
            const error = new Error('no such mailbox here');
            error.responseCode = 550;
            return done(error);
        }
        return done();
    },
    onData(stream, session, done) {
        const chunks = [];
        stream.on('data', (chunk) => chunks.push(chunk));
        stream.on('end', () => {
            const { mailFrom, rcptTo } = session.envelope;
            const raw = Buffer.concat(chunks).toString('utf8');
            messages.push({ from: mailFrom.address, to: rcptTo.map((to) => to.address), raw });
            done(null, 'taken');
        });
    },
});
smtp.on('error', (error) => console.error(error.message));

const web = http.createServer((request, response) => {
    const url = new URL(request.url, 'http://local');
    const to = url.searchParams.get('to');
    const found = url.pathname === '/messages' ? messages.filter((m) => to === null || m.to.includes(to)) : 'ok';
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(found));
});

// An SMTP client waits for the server to speak; an HTTP client does not.
const HTTP_SPEAKS_WITHIN_MS = 150;

const door = net.createServer((socket) => {
    socket.on('error', () => {});
    const timer = setTimeout(() => {
        socket.removeListener('readable', spoken);
        smtp.server.emit('connection', socket);
    }, HTTP_SPEAKS_WITHIN_MS);
    const spoken = () => {
        const first = socket.read();
        if (first === null) {
            return;
        }
        clearTimeout(timer);
        socket.removeListener('readable', spoken);
        socket.unshift(first);
        web.emit('connection', socket);
    };
    socket.on('readable', spoken);
});

door.listen(Number(process.argv[2]), '127.0.0.1', () => console.error(`listening on ${process.argv[2]}`));
process.on('SIGTERM', () => process.exit(0));
