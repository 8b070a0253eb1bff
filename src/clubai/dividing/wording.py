"""Whether the items of a list are parts of a job: each can be asked alone.

The words around a list decide: English ones, except that a question is known by its
mark. A sentence *asks* that is a question or begins with a verb of `_TASK`. One that
begins with a verb of `_DO` or `_MANNER` only *says how*, if it says nothing of the list
as a whole (`_WHOLE`). *The lead* is the last sentence before the list, or before those
that only say how. Items are parts if

1. the lead asks for each ("For each of these cities, ..."), or to answer or do them
   ("Answer the following questions:", "I have two questions:"); above it nothing tells
   to do anything, except how, and the sentence above is no question; or
2. every item asks; no sentence before the list does, except how, or names it ("these
   steps"), and the lead does not end in a colon; with instructions among the items,
   what comes before must say how or be a plain statement ("I am ...");

and, with either, if

3. nothing behind the list asks, except how, or speaks of items or answers; and
4. no item leans on another: none begins with "then" or names one by its number, and
   none says "it" early, or "above", unless the first does (and means the text before).

Where two lists may be parts, none is: in doubt, one node answers all of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from clubai.dividing.structure import Listed, lists_in

MOST_CHARACTERS: Final = 1 << 16
"""A longer prompt is a document: every part would repeat it."""
_TASK: Final = (
    "add|adapt|analy[sz]e|arrange|assess|assign|brainstorm|build|calculate|check|choose"
    "|classify|collect|combine|compare|complete|compose|compute|contrast|convert|correct"
    "|count|cover|create|criti(?:que|ci[sz]e)|debug|define|derive|describe|design"
    "|determine|develop|discuss|draft|draw|edit|elaborate|estimate|evaluate|expand"
    "|explain|explore|express|extract|factor|fill|find|fix|format|generate|give|group"
    "|identify|illustrate|implement|improve|include|integrate|interpret|invent|justify"
    "|list|make|match|merge|mention|name|order|organi[sz]e|outline|paraphrase|pick|plan"
    "|predict|prepare|prioriti[sz]e|produce|propose|prove|provide|put|rank|rate"
    "|recommend|refactor|rephrase|research|return|review|rewrite|say|score|select|show"
    "|simplify|sketch|solve|sort|spell|split|state|suggest|summari[sz]e|tell|translate"
    "|turn|verify|write"
)
_DO: Final = "address|answer|complete|do|handle|help|reply|respond|solve"
_MANNER: Final = "be|keep|think|use|(?:show|explain|justify|give) your"
_POLITE: Final = (
    r"please|kindly|and|also|first|then|next|now|finally|so|help me|let'?s"
    r"|(?:i(?:'d| would)? (?:want|need|like) you|your task is|you (?:need|have)) to"
    r"|you (?:should|must)"
)
_VERB: Final = re.compile(
    rf"\W*(?:\d+\W+)?(?:(?:{_POLITE}|(?P<request>(?:can|could|will|would) you))\b\W*)*"
    rf"(?:(?P<do>{_DO})|(?P<how>{_MANNER})|(?P<task>{_TASK}))\b(?!\s*:|\s+of\b)",
    re.IGNORECASE,
)
_SENTENCE_END: Final = re.compile(r"(?<=[.?!。？！])[\"'”’)*_]*\s+")  # noqa: RUF001
_QUESTION: Final = re.compile(r"[?？][\"'”’)*_]*$")  # noqa: RUF001
_QUESTION_WORD: Final = re.compile(
    r"\W*(?:what|who|whom|whose|when|where|which|why|how)(?:['’]s"  # noqa: RUF001
    r"|\s+(?:is|are|was|were|do|does|did|can|could|should|would|will|has|have|had|many"
    r"|much|long|often|far|old))\b",
    re.IGNORECASE,
)
_STATEMENT: Final = re.compile(
    r"\W*(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|thanks|thank you|i|we"
    r"|you are|it|this|here|these|there|the|our|my)\b"
    r"(?!.*\b(?:want|need|would like|must|should|ha(?:s|ve) to)\b|.*['’]d like\b)",  # noqa: RUF001
    re.IGNORECASE,
)
_ONE_TEXT: Final = r"(?:essay|story|letter|e-?mail|article|report|poem|speech|summary)"
_WHOLE: Final = re.compile(
    r"\b(?:(?:compare|contrast|rank|sort|order|group|cluster|match|assign|choose|pick"
    r"|select|combine|merge|arrange|schedule|distribute|connect|link|relate)(?:s|d|ed)?"
    r"|ranking|sorting|grouping|combining|priorit\w+|together|overall|altogether|total"
    r"|ask|wait|sum|best|worst|(?<!at )(?:most|least)|between|differences?|whole"
    r"|each other|one of|which|table|json|csv|ya?ml|xml|list of"
    r"|(?:the|this|a|my|one) list"
    r"|(?:that|which) (?:mentions?|covers?|contains?|includes?|uses?|addresses)"
    r"|with (?:each|every)|(?:containing|covering|including|mentioning|using)"
    r"|use (?:the (?:answers?|results?)|these|those|them|your|all)"
    r"|(?:one|single) (?:answer|text|response|reply|message|document)"
    rf"|(?:in|as|into|with|write) (?:an?|one|the) (?:\w+ )?{_ONE_TEXT}"
    r"(?!.*\b(?:each|every)\b))\b",
    re.IGNORECASE,
)
_EACH: Final = re.compile(
    r"\b(?:about|for|in|of|on|to) (?:each|every)\b|\b(?:each|every one) of\b"
    r"|\beach(?: one)?\W*$|^\W*(?:please )?\w+ (?:each|every)\b|\bone by one\b"
    r"|\bone at a time\b|\b(?:separately|individually)\b",
    re.IGNORECASE,
)
_FOR_EACH: Final = re.compile(r"\W*for (?:each|every)\b", re.IGNORECASE)
_QUESTIONS: Final = re.compile(
    r"\b(?:questions|problems|exercises|puzzles|riddles|(?:tasks|requests) for you)\b",
    re.IGNORECASE,
)
_HEADING: Final = re.compile(
    r"\W*(?:(?!these|those)\w+ )?(?:questions|problems|exercises|tasks|requests)\W*$",
    re.IGNORECASE,
)
_TO_DO: Final = re.compile(
    r"\b(?:tasks|subtasks|requests|prompts|assignments|following|these|those|below)\b",
    re.IGNORECASE,
)
_TELL_ME: Final = re.compile(r"\b(?:tell me|to know|wondering)\W*$", re.IGNORECASE)
_NAMES_LIST: Final = re.compile(
    r"\b(?:lists?|items?|bullets?|points|notes|steps|options|choices|following|below"
    r"|these|those|to-?do|agenda|changelog|roadmap|backlog|goals|faq|recipe|directions"
    r"|instructions|procedure|rules|requirements|criteria|guidelines)\b",
    re.IGNORECASE,
)
_NAMES_ANSWERS: Final = re.compile(
    r"\b(?:above|them|they|these|those|both|everything|all (?:of|the|this|that)"
    r"|results?|answers?|items?|questions?|tasks?|parts?)\b",
    re.IGNORECASE,
)
_THEN: Final = re.compile(
    r"\W*(?:then|next|now|after that|afterwards|finally|lastly|once)\b", re.IGNORECASE
)
_NUMBERED: Final = re.compile(
    r"\b(?:steps?|questions?|items?|tasks?|parts?|points?|answers?) \(?"
    r"(?:\d+|one|two|three|four)\b|#\d",
    re.IGNORECASE,
)
_BACK: Final = re.compile(
    r"\b(?:above|previous|previously|preceding|earlier|former|latter|same"
    r"|(?:the|that|this|your) (?:answers?|code|draft|list|outline|outputs?|plan"
    r"|results?|summary|table|translation))\b",
    re.IGNORECASE,
)
_PRONOUN: Final = re.compile(
    r"(?:it|its|they|them|their|he|him|his|she|her|this|these|those)", re.IGNORECASE
)
EARLY: Final = 5
"""A pronoun among so many first words of an item means something outside of it."""
SENTENCE_LENGTH: Final = 1000


def divisible_list(prompt: str) -> Listed | None:
    """The one list in `prompt` whose items are parts; None where there is no such."""
    if len(prompt) > MOST_CHARACTERS:
        return None
    asking = [each for each in lists_in(prompt) if _may_be_parts(each)]
    if len(asking) != 1 or not _is_divisible(asking[0]):
        return None
    return asking[0]


def _may_be_parts(listed: Listed) -> bool:
    return _all_ask(listed.items) or _asked_for_each(_sentences(listed.before))


def _is_divisible(listed: Listed) -> bool:
    before = _sentences(listed.before)
    return (
        not _lean(listed.items)
        and not any(map(_speaks_of_answers, _sentences(listed.after)))
        and (_asked_for_each(before) or _ask_themselves(before, listed.items))
    )


def _asked_for_each(before: Sequence[str]) -> bool:
    while before and _says_how(before[-1]) and not _leads(before[-1]):
        before = before[:-1]
    if not before or not _leads(before[-1]):
        return False
    *above, _ = before
    asked_above = any(_is_question(each) and not _says_how(each) for each in above[-1:])
    return not asked_above and not any(map(_instructs, above))


def _leads(lead: str) -> bool:
    """Whether the sentence before a list asks for each item, or to answer them."""
    if _WHOLE.search(lead):
        return False
    verb = _VERB.match(lead)
    if verb is None:
        has_questions = _STATEMENT.match(lead) and _QUESTIONS.search(lead)
        return bool(has_questions or _HEADING.match(lead) or _FOR_EACH.match(lead))
    if _EACH.search(lead):
        return True
    return verb["do"] is not None and (
        _QUESTIONS.search(lead) is not None or _TO_DO.search(lead) is not None
    )


def _ask_themselves(before: list[str], items: Sequence[str]) -> bool:
    if not _all_ask(items) or any(map(_is_about_list, before)):
        return False
    if before and before[-1].endswith((":", "：")) and not _introduces(before[-1]):  # noqa: RUF001
        return False
    return all(map(_is_asked, items)) or all(
        _introduces(each) or _STATEMENT.match(each) for each in before
    )


def _introduces(sentence: str) -> bool:
    return _says_how(sentence) or _TELL_ME.search(sentence) is not None


def _is_about_list(sentence: str) -> bool:
    """Whether a sentence asks for something, or names the list."""
    return not _introduces(sentence) and (
        _is_question(sentence)
        or _instructs(sentence)
        or _NAMES_LIST.search(sentence) is not None
    )


def _all_ask(items: Sequence[str]) -> bool:
    return all(_is_asked(item) or _is_told(item) for item in items)


def _is_asked(item: str) -> bool:
    sentences = _sentences(item)
    return _is_question(sentences[0]) or _is_question(sentences[-1])


def _is_told(item: str) -> bool:
    sentences = _sentences(item)
    verbs = [_VERB.match(each) for each in (sentences[0], sentences[-1])]
    return any(verb and (verb["task"] or verb["do"]) for verb in verbs)


def _lean(items: Sequence[str]) -> bool:
    """Whether an item cannot be understood, or done, without another one."""
    if any(_THEN.match(item) or _NUMBERED.search(item) for item in items):
        return True
    first, *others = items
    return (any(map(_BACK.search, others)) and not _BACK.search(first)) or (
        any(map(_pronoun_early, others)) and not _pronoun_early(first)
    )


def _pronoun_early(item: str) -> bool:
    words = re.findall(r"\w+", _sentences(item)[0])
    return any(map(_PRONOUN.fullmatch, words[:EARLY]))


def _speaks_of_answers(sentence: str) -> bool:
    return not _says_how(sentence) and (
        _is_question(sentence)
        or _instructs(sentence)
        or _WHOLE.search(sentence) is not None
        or _NAMES_ANSWERS.search(sentence) is not None
    )


def _is_question(sentence: str) -> bool:
    return bool(_QUESTION.search(sentence) or _QUESTION_WORD.match(sentence))


def _instructs(sentence: str) -> bool:
    verb = _VERB.match(sentence)
    return verb is not None and bool(verb["task"] or _WHOLE.search(sentence))


def _says_how(sentence: str) -> bool:
    verb = _VERB.match(sentence)
    return (
        verb is not None
        and verb["task"] is None
        and (verb["request"] is not None or not _is_question(sentence))
        and not _WHOLE.search(sentence)
    )


def _sentences(text: str) -> list[str]:
    """The sentences of `text`: a line ends one too, and long ones lose their middle."""
    return [
        sentence
        if len(sentence) <= SENTENCE_LENGTH
        else sentence[: SENTENCE_LENGTH // 2] + sentence[-SENTENCE_LENGTH // 2 :]
        for line in text.splitlines()
        for sentence in _SENTENCE_END.split(line.strip())
        if sentence
    ]
