"""Jobs divided: what is asked becomes parts and reduce steps; pure, needs no club.

```
options     how a job is to be divided, checked
plan        the steps and what each needs; bounds, order, what `--explain` shows
budget      the ceilings that no job passes: requests, tokens of answers
subtasks    parts given by the caller or found in the prompt; merging their answers
planner     parts planned by a model, under a schema
context     a long document: a map prompt a chunk, and reducing in a tree
citing      which chunk a claim of the answer comes from
```

`clubai.client` runs what is decided here; the coordinator never sees any of it.
"""
