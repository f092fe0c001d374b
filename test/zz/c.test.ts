test('leaks an interval', () => { setInterval(() => {}, 1000); });
