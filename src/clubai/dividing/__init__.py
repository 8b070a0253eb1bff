"""Jobs divided: what is asked becomes parts and reduce steps; pure, needs no club.

```
options          how a job is to be divided, its ceilings too, checked
plan             the steps and what each needs; bounds, order, what `--explain` shows
structure        the lists in a prompt
wording          whether the items of a list are parts of a job
subtasks         parts given by the caller or found in the prompt; merging their answers
planner          parts planned by a model, under a schema
context          the map step: documents as passages, and what is asked about each
context_prompts  what *context* asks
mapreduce        how large its pieces are, and the plan made of them
reducing         the reduce step: notes, and how they become one answer
marks            marks such as `[3]`: the passages that a text says it rests on
citing           which passages each claim of an answer rests on
templates        prompts with places in braces
```

`clubai.client` runs what is decided here; the coordinator never sees any of it.
"""
