// Required by the TypeScript compiler's process, so that it ends when the host is killed.
process.on('disconnect', () => process.exit());
