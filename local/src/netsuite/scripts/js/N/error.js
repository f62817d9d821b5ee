define(['host'], (host) => ({ create: ({ name, message }) => new host.Error({ name, message }) }));
