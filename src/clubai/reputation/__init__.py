"""STANDS: what a node did well and badly, as a fold over events. Pure.

A `Judge` is told facts and gives events; a `Record` is the fold of one node's events;
`Rules` hold the numbers and name the policies. Which module does what:

- `rules`, `facts`, `events`: the numbers, what goes in, what comes out.
- `judge.Judge` has a `Register`, the `Speeds` and the list of what is due. It sends
  each fact to one of the modules that know what follows from it: `work` (answers and
  missed answers), `presence` (hours), `proof` (checks, complaints, reviews: what is an
  invalid result), `said` (owners and operators).
- These make events through `register.Register.put` and nowhere else. A `Register` holds
  one `record.Record` for each node and owner; `Record.apply` is all that changes one.
- What they ask: `speeds` (what is fast), `days` (the club's calendar), `sequential`
  (how much checks say), `complaints` (who is heard), `escrow` (what is held),
  `slashing` (what an invalid result costs), `probation` (who is new).
- What others ask: `audits` (how often a node is checked) and `selection` (how often it
  is drawn), both through the `Judge`; `selection.draw` draws.
"""
