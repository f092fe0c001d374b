/** The right choice: the rule is checked and the money is moved in one transaction, and the answer is its result. */
export class Accounts {
  /** @param balances the table of a database, in cents; a `Map` does for a test */
  constructor(private readonly balances: Map<string, number>) {}

  /** One transaction of the database: `BEGIN`, both updates, `COMMIT`. It is synchronous, so nothing comes between. */
  transfer(from: string, to: string, cents: number): 'done' | 'refused' {
    const balance = this.balance(from);
    if (balance < cents) return 'refused';
    this.balances.set(from, balance - cents);
    this.balances.set(to, this.balance(to) + cents);
    return 'done';
  }

  balance(account: string): number {
    return this.balances.get(account) ?? 0;
  }
}
