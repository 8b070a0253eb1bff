from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.dividing.wording import MOST_CHARACTERS, divisible_list

TWO = "- What is osmosis?\n- What is diffusion?"
THINGS = "- Rome\n- Lima"
SAID_HOW = """\
Keep it short.
Think hard.
Use French.
Explain your answers.
Justify your choice.
Give your sources.
Show your work.""".splitlines()
ONE_TEXTS = """\
a story
a letter
an e-mail
an article
a report
a poem
one speech
a short summary""".splitlines()
ORDERS = ("next", "now", "after that", "afterwards", "finally", "lastly", "once")
PRONOUNS = (
    *("it", "its", "they", "them", "their", "this", "these", "those"),
    *("he", "him", "his", "she", "her"),
)
TOLD = "- Explain osmosis.\n- Describe diffusion."


@pytest.mark.parametrize(
    "prompt",
    [
        # The items ask.
        TWO,
        TOLD,
        "1. Please explain osmosis.\n2. Could you describe diffusion?",
        "- Solve 3x = 10.\n- Complete the verse.",
        "- What is osmosis\n- How does diffusion work",
        "- My dog limps. What can I do?\n- My cat sneezes. Is she ill?",
        "- **What is osmosis?**\n- **What is diffusion?**",
        "- Was ist Osmose?\n- Was ist Diffusion?",
        "- 法国的首都是哪里？\n- 日本的首都是哪里？",  # noqa: RUF001
        "- What is osmosis? Be brief.\n- What is diffusion? Be brief.",
        # Before them it is said how, or something is told.
        f"Answer in one short sentence.\n\n{TWO}",
        f"You are a patient teacher. Be brief.\n\n{TOLD}",
        f"Hi!\n\nI am preparing for an exam.\n\n{TOLD}",
        f"Plants take up water by their roots.\n\n{TWO}",
        f"Biology exam\n\n{TWO}",
        f"Tell me:\n{TWO}",
        f"I would like to know:\n{TWO}",
        # They are to be answered or done.
        f"Answer the following questions:\n{TWO}",
        f"Please answer these in French:\n{TWO}",
        f"I have two questions:\n{TWO}",
        f"Questions:\n{TWO}",
        f"Biology exercises\n{THINGS}",
        f"Here are the questions of my exam.\n{TWO}",
        f"Could you help me with these questions?\n{TWO}",
        f"Can you help me? Answer the questions below.\n{TWO}",
        "Solve the following problems. Show your work.\n\n1. 3x = 10\n2. x^2 = 16",
        "Complete these tasks:\n1. A haiku about rain\n2. A limerick about a cat",
        "Tasks:\n- A haiku about rain\n- A limerick about a cat",
        f"Why do plants drink? They are dry.\n\nAnswer the questions:\n{TWO}",
        f"Be brief.\n\nAnswer the questions:\n{THINGS}",
        f"Can you help me? Answer the questions below.\n{THINGS}",
        # Each of them is.
        f"For each of these cities, name the country:\n{THINGS}",
        f"For each city, the country:\n{THINGS}",
        f"Explain each term in one sentence:\n{THINGS}",
        f"Write a haiku about each of these cities.\n\n{THINGS}",
        f"Write a poem about each city:\n{THINGS}",
        f"Translate each of the following sentences into French:\n{THINGS}",
        f"Give at least two facts about each:\n{THINGS}",
        "Answer the questions:\n- What is said above?\n- What is meant above?",
        # Behind them it is said how.
        f"{TWO}\n\nAnswer each question in one sentence. Thank you!",
        f"{TWO}\n\nI am ten years old.",
        f"{TWO}\n\nCould you answer in French?",
        # Everything is said of the text before.
        "Answer questions on osmosis:\n- What does it move?\n- Where is it found?",
    ],
)
def test_items_that_are_parts(prompt: str) -> None:
    assert divisible_list(prompt) is not None


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "What is osmosis?",
        # Data.
        THINGS,
        f"Summarise this list:\n{TOLD}",
        f"Summarise this list:\n{TWO}",
        f"Translate the following list:\n{TWO}",
        f"My to-do list for today:\n{TOLD}",
        f"Changelog\n\n{TOLD}",
        f"Here are the cities:\n{THINGS}",
        "What is the capital of Peru?\nA) Rome\nB) Lima",
        "What should I do? Answer with a letter.\na) Write him\nb) Tell him",
        f"List what I see every day:\n{THINGS}",
        "List:\n- Name: Ann\n- State of Peru",
        "- Be brief.\n- Keep calm.",
        f"Answer my mail:\n{THINGS}",
        f"Answer the questions.\nRome is a city.\n{THINGS}",
        # Asked about as a whole.
        f"Prioritise these tasks:\n{TOLD}",
        f"Which of these questions is the hardest?\n{TWO}",
        f"Sort the following questions by difficulty:\n{TWO}",
        f"Compare each of these cities with the others:\n{THINGS}",
        f"Give the difference between each of them:\n{THINGS}",
        f"Write one story that mentions each of the following:\n{THINGS}",
        f"Write a story with each of these words:\n{THINGS}",
        f"Answer the following questions in one essay:\n{TWO}",
        f"Answer each of the following questions in an essay:\n{TWO}",
        f"Answer these questions in a table:\n{TWO}",
        f"Write an email that covers these points:\n{TOLD}",
        f"Ask me each of these questions:\n{TWO}",
        f"Play a barista, and put these questions to me:\n{TWO}",
        f"Post these questions to a forum:\n{TWO}",
        f"What do people think of such questions?\n{TWO}",
        f"Answer in one table.\n\n{TWO}",
        # One of several things that are asked.
        f"Write an essay about water.\n\nAnswer the following questions:\n{TWO}",
        f"Which pet is good for me? Answer these questions:\n{TWO}",
        f"Build an app.\n\n{TOLD}",
        f"Bake a cake.\n\n{TOLD}",
        f"We need an app for bikes.\n\n{TOLD}",
        f"What is water?\n\n{TWO}",
        f"The steps are known.\n\n{TWO}",
        f"They sell: \n{TWO}",
        f"They sell {'very ' * 250}much:\n{TWO}",
        f"Do cats purr?\n\n{TWO}",
        f"{TWO}\n\nIs that hard?",
        f"{TWO}\n\nWhich is faster?",
        f"{TWO}\n\nSummarise what you said.",
        f"{TWO}\n\nThe answers go into a book.",
        f"{TWO}\n\nThen rank them.",
        f"{TWO}\n\nUse the answers to write a poem.",
        f"{TWO}\n\nAnswer in JSON.",
        f"{TWO}\n\nFormat: JSON",
        # One leans on another.
        "1. What is osmosis?\n2. Why is it important?",
        "1. What is osmosis?\n2. Where do these happen?",
        "1. Write a poem.\n2. Then translate a poem.",
        "1. Write a poem.\n2. Translate the poem of step 1.",
        "1. Write a poem about question 2.\n2. Write a poem.",
        "1. Summarise the text.\n2. Translate the summary.",
        "1. What is osmosis?\n2. Explain the law mentioned above.",
        f"Answer the questions:\n{TWO}\n- Why does it happen?",
        # Two lists.
        f"Questions:\n{TWO}\n\nQuestions:\n{TWO}",
        f"Questions:\n{THINGS}\n\nQuestions:\n{THINGS}",
        f"For each city, the country:\n{TWO}\n\n\nHi\n\n{TOLD}",
    ],
)
def test_items_that_are_none(prompt: str) -> None:
    assert divisible_list(prompt) is None


@pytest.mark.parametrize(
    "lead",
    [
        *(
            f"Please {verb} the following tasks:"
            for verb in ("address", "complete", "do", "handle", "help me with", "solve")
        ),
        *(
            f"{verb} to {what}:"
            for verb in ("Reply", "Respond")
            for what in ("these", "those", "the following", "the prompts below")
        ),
        *(
            f"I have some {noun}:"
            for noun in ("problems", "exercises", "puzzles", "riddles", "tasks for you")
        ),
        *(f"{noun}:" for noun in ("Problems", "My exercises", "Tasks", "Requests")),
        *(f"Solve the {noun}:" for noun in ("subtasks", "assignments", "requests")),
        "For every city, the country:",
    ],
)
def test_leads(lead: str) -> None:
    assert divisible_list(f"{lead}\n{THINGS}") is not None


@pytest.mark.parametrize("how", SAID_HOW)
def test_sentences_that_say_how(how: str) -> None:
    assert divisible_list(f"{how}\n\n{TOLD}") is not None


@pytest.mark.parametrize("text", ONE_TEXTS)
def test_one_text_is_not_divided(text: str) -> None:
    assert divisible_list(f"Answer these questions in {text}:\n{TWO}") is None


@pytest.mark.parametrize("word", ORDERS)
def test_an_item_that_comes_after_another(word: str) -> None:
    assert divisible_list("- Write a poem.\n- What rhymes?") is not None
    assert divisible_list(f"- Write a poem.\n- {word}, what rhymes?") is None


@pytest.mark.parametrize("word", PRONOUNS)
def test_a_pronoun_leans_when_it_comes_early(word: str) -> None:
    assert divisible_list(f"- What is osmosis?\n- How would you name {word}?") is None
    assert (
        divisible_list(f"- What is osmosis?\n- How would you ever name {word}?")
        is not None
    )


def test_the_list_of_data_stays_before_the_list_of_questions() -> None:
    prompt = f"There are two cities.\n\n{THINGS}\n\nAnswer the questions:\n1. a?\n2. b?"

    listed = divisible_list(prompt)

    assert listed is not None
    assert listed.items == ("a?", "b?")
    assert THINGS in listed.before


def test_a_document_is_not_divided() -> None:
    prompt = "\n" * (MOST_CHARACTERS - len(TWO)) + TWO

    assert divisible_list(prompt) is not None
    assert divisible_list("\n" + prompt) is None


@pytest.mark.parametrize("unit", ["- a\n", "in an essay ", "please ", ' ."', "i need "])
def test_a_long_prompt_takes_no_long_time(unit: str) -> None:
    long = unit * (MOST_CHARACTERS // len(unit) - 20)

    divisible_list(f"{long}\n{TWO}")
    divisible_list(f"- {long}\n- What?")


SENTENCES = st.sampled_from(
    ["Answer these questions:", "For each city, the country:", "Why is it?", "Rome"]
)
ITEMS = st.sampled_from(
    [
        "- What is c?",
        "- Explain d.",
        "- Lima",
        "1. Why e?",
        "2. Then f.",
        "- ?",
        "- -",
        "",
    ]
)


@given(st.lists(SENTENCES | ITEMS).map("\n".join) | st.text())
def test_any_text_is_divided_or_not(prompt: str) -> None:
    listed = divisible_list(prompt)

    assert listed is None or len(listed.items) > 1
