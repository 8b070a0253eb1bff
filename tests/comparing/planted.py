"""Prompts with five honest answers each, written by hand.

The honest answers to one prompt say the same in words of their own, as one model does
at a temperature. None was changed to be more like the others.
"""

# ruff: noqa: RUF001 -- answers write numbers with signs that look like letters
from __future__ import annotations

from typing import NamedTuple


class Planted(NamedTuple):
    """A prompt and the answers of five honest nodes."""

    prompt: str
    honest: tuple[str, ...]
    wrong: str = ""
    """An answer of the form that was asked for, and wrong; none for `text`."""


OPEN = (
    Planted(
        "Why is the sky blue?",
        (
            (
                "The sky looks blue because of a process called Rayleigh scattering. "
                "Sunlight is made of all colours, and when it enters the atmosphere it "
                "hits molecules of air. Short wavelengths such as blue are scattered "
                "much more strongly than long ones such as red, so blue light reaches "
                "our eyes from every direction of the sky."
            ),
            (
                "The sky is blue because molecules in the air scatter blue light from "
                "the sun more than they scatter red light. This is called Rayleigh "
                "scattering. White sunlight contains every colour, but the shorter "
                "wavelengths bounce around the atmosphere and come to us from all "
                "directions, which is why the whole sky appears blue."
            ),
            (
                "When sunlight passes through Earth's atmosphere, it collides with "
                "tiny gas molecules. Those molecules scatter light with short "
                "wavelengths, like blue and violet, far more than light with long "
                "wavelengths, like red. Our eyes are more sensitive to blue than to "
                "violet, and so we see a blue sky. The effect is known as Rayleigh "
                "scattering."
            ),
            (
                "It is due to Rayleigh scattering. Light from the sun contains all the "
                "colours of the rainbow, and the gases in the atmosphere scatter the "
                "shorter blue wavelengths in all directions, while the longer red "
                "wavelengths pass almost straight through. As a result blue light "
                "comes at us from everywhere in the sky."
            ),
            (
                "The blue colour of the sky comes from the way air scatters sunlight. "
                "Blue light travels in shorter waves than red light, and molecules in "
                "the atmosphere scatter those short waves much more. Because the "
                "scattered blue light reaches us from all over the sky, the sky looks "
                "blue. At sunset the light takes a longer path and we see more red."
            ),
        ),
    ),
    Planted(
        "Give me three tips for saving money.",
        (
            (
                "1. Make a budget: write down what you earn and what you spend each "
                "month, so that you know where your money goes.\n2. Automate your "
                "savings: set up a transfer to a savings account on the day you are "
                "paid.\n3. Cut what you do not need: cancel subscriptions you do not "
                "use and cook at home more often."
            ),
            (
                "Here are three tips for saving money:\n\n1. **Create a budget.** "
                "Track your income and expenses every month to see where the money "
                "goes.\n2. **Pay yourself first.** Set up an automatic transfer to "
                "your savings account on payday.\n3. **Reduce unnecessary expenses.** "
                "Cook at home and cancel subscriptions that you no longer use."
            ),
            (
                "First, track your spending with a simple budget, so you see where "
                "your money goes each month. Second, set up an automatic transfer into "
                "a savings account as soon as you are paid. Third, cut back on things "
                "you don't need, for example by cooking at home instead of eating out "
                "and cancelling unused subscriptions."
            ),
            (
                "Three ways to save money:\n- Keep a budget and write down your "
                "expenses, so you know how much you spend.\n- Save automatically: have "
                "part of your pay moved to a savings account every month.\n- Spend "
                "less on things you do not need, such as subscriptions you never use, "
                "and cook your own meals at home."
            ),
            (
                "1. Set a monthly budget and stick to it. Knowing your income and your "
                "expenses is the first step.\n2. Put your savings on autopilot with a "
                "monthly transfer to a separate account.\n3. Look for expenses you can "
                "cut: eat out less, cook at home, compare prices, and cancel "
                "subscriptions you do not use."
            ),
        ),
    ),
    Planted(
        "How is bread made?",
        (
            (
                "Bread is made by mixing flour, water, yeast and salt into a dough. "
                "The dough is kneaded until it is smooth and elastic, then left to "
                "rise in a warm place for an hour or two while the yeast produces gas. "
                "After that it is shaped, left to rise again, and baked in a hot oven "
                "until the crust is golden brown."
            ),
            (
                "To make bread, you mix flour, water, salt and yeast to form a dough. "
                "Knead the dough for about ten minutes until it is smooth, and let it "
                "rise in a warm place until it has doubled in size. Shape it into a "
                "loaf, let it rise once more, and bake it in a hot oven until it is "
                "golden brown."
            ),
            (
                "Making bread starts with four ingredients: flour, water, yeast and "
                "salt. They are combined into a dough, which is kneaded to develop the "
                "gluten. The yeast ferments and fills the dough with gas, so it rises. "
                "Then the baker shapes the loaf, lets it rise a second time and bakes "
                "it in the oven until the crust is brown."
            ),
            (
                "First, flour, yeast, salt and warm water are mixed together. The "
                "dough is kneaded by hand or machine until elastic, and then rests for "
                "one or two hours while it rises. The risen dough is knocked back, "
                "shaped into loaves and left to rise again. Finally the loaves are "
                "baked in a hot oven for about half an hour."
            ),
            (
                "Bread begins as a dough of flour, water, salt and yeast. You knead it "
                "for several minutes so that it becomes smooth and stretchy, then you "
                "cover it and let it rise until it doubles. Next you shape it and let "
                "it rise again, and at the end you bake it at a high temperature until "
                "it is golden and sounds hollow."
            ),
        ),
    ),
    Planted(
        "What are the benefits of regular exercise?",
        (
            (
                "Regular exercise has many benefits. It strengthens your heart and "
                "lungs, helps you keep a healthy weight, and lowers the risk of "
                "diseases such as diabetes and heart disease. It also improves your "
                "mood, reduces stress, helps you sleep better and keeps your muscles "
                "and bones strong as you age."
            ),
            (
                "Exercising regularly is good for both body and mind. It lowers the "
                "risk of heart disease, high blood pressure and type 2 diabetes, helps "
                "to control weight, and builds strong muscles and bones. It also "
                "reduces stress and anxiety, lifts your mood, gives you more energy "
                "and improves your sleep."
            ),
            (
                "Some benefits of regular exercise are:\n\n* A stronger heart and "
                "better circulation\n* A lower risk of diabetes, heart disease and "
                "stroke\n* A healthy weight\n* Stronger muscles and bones\n* Better "
                "mood and less stress\n* Better sleep and more energy"
            ),
            (
                "Regular physical activity keeps the heart healthy, lowers blood "
                "pressure and reduces the risk of many chronic diseases, including "
                "diabetes. It helps with weight control and makes muscles and bones "
                "stronger. People who exercise regularly also sleep better, have more "
                "energy, feel less stress and are in a better mood."
            ),
            (
                "Exercise helps you to maintain a healthy weight, strengthens your "
                "heart, muscles and bones, and reduces your risk of heart disease and "
                "diabetes. Regular exercise is also good for your mental health: it "
                "can reduce stress and depression, improve your sleep and boost your "
                "energy and mood."
            ),
        ),
    ),
    Planted(
        "Explain the water cycle to a child.",
        (
            (
                "The water cycle is the journey that water makes around our planet. "
                "The sun warms the water in oceans and lakes, and it turns into a gas "
                "called water vapour that rises into the air. Up high it is cold, so "
                "the vapour becomes tiny drops that form clouds. When the drops get "
                "heavy they fall as rain or snow, and the water flows back to the sea."
            ),
            (
                "Imagine a little drop of water in the ocean. The sun heats it up, and "
                "it floats into the sky as water vapour: that is called evaporation. "
                "High in the sky it cools down and joins other drops to make a cloud, "
                "which is condensation. When the cloud is too heavy, the drops fall as "
                "rain. Then the rain runs into rivers and back to the ocean, and it "
                "all starts again."
            ),
            (
                "Water is always moving. When the sun shines on the sea, some of the "
                "water turns into an invisible gas, called water vapour, and goes up "
                "into the sky. There it gets cold and turns back into tiny drops of "
                "water, and many drops together make a cloud. When the drops become "
                "heavy, they fall down as rain or snow. Rivers carry the water to the "
                "sea again."
            ),
            (
                "The water cycle has three steps. First, the sun warms water in the "
                "sea, lakes and rivers, and it evaporates: it becomes water vapour and "
                "rises into the air. Second, the vapour cools and turns into tiny "
                "drops, which make clouds. Third, the drops grow and fall to the "
                "ground as rain or snow. The water flows back into the sea and the "
                "cycle begins again."
            ),
            (
                "Think of water as a traveller. The sun heats the water in oceans, "
                "lakes and puddles until it rises into the air as vapour. In the cold "
                "sky the vapour turns into small drops, and these make clouds. When "
                "there are too many drops in a cloud, they fall back to Earth as rain, "
                "snow or hail, and run through rivers to the ocean. Then the trip "
                "starts over."
            ),
        ),
    ),
    Planted(
        "What is a computer virus?",
        (
            (
                "A computer virus is a harmful program that copies itself and spreads "
                "from one computer to another, usually by attaching itself to files or "
                "programs. When an infected file is opened, the virus runs and can "
                "delete data, steal information or slow the computer down. Antivirus "
                "software and regular updates help to protect you."
            ),
            (
                "A computer virus is a type of malicious software that attaches itself "
                "to a program or file and spreads when that file is opened or shared. "
                "It can damage or delete data, steal personal information and make a "
                "computer slow. To protect your computer, use antivirus software and "
                "keep your system up to date."
            ),
            (
                "A virus is a piece of malicious code that infects a computer without "
                "the user's knowledge. Like a biological virus it copies itself: it "
                "hides in files or programs and spreads to other computers when they "
                "are shared. Viruses can destroy files, steal passwords or slow a "
                "system down, and antivirus programs are used to find and remove them."
            ),
            (
                "A computer virus is a malicious program designed to spread from "
                "computer to computer. It inserts itself into other programs or "
                "documents, and when a user opens one of them, the virus runs. It may "
                "corrupt or delete files, steal data or slow down the machine. "
                "Antivirus software can detect and remove most of them."
            ),
            (
                "It is software that was written to do harm and that can copy itself. "
                "A virus attaches to a file or program, and when you open the file it "
                "becomes active and infects other files on your computer. Some viruses "
                "delete data or steal information, others only slow the computer down. "
                "Keep your software updated and use an antivirus program."
            ),
        ),
    ),
    Planted(
        "Write a function in Python that tells whether a word is a palindrome.",
        (
            (
                "```python\ndef is_palindrome(word):\n    word = word.lower()\n    "
                "return word == word[::-1]\n```\n\nThe function makes the word lower "
                "case and compares it with its reverse. It returns True if both are "
                "the same."
            ),
            (
                "Here is a function that checks whether a word is a palindrome:\n\n"
                "```python\ndef is_palindrome(word):\n    word = word.lower()\n    "
                "reversed_word = word[::-1]\n    return word == reversed_word\n```\n\n"
                "It converts the word to lower case, reverses it and compares the two."
            ),
            (
                "You can reverse the word with slicing and compare it:\n\n```python\n"
                "def is_palindrome(word: str) -> bool:\n    word = word.lower()\n    "
                "return word == word[::-1]\n\nprint(is_palindrome('level'))  # True\n"
                "```\n\nThe function returns True if the word reads the same in "
                "reverse."
            ),
            (
                "```python\ndef is_palindrome(word):\n    cleaned = word.lower()\n    "
                "return cleaned == cleaned[::-1]\n```\nThis function converts the word "
                "to lower case and returns True when it is the same as its reverse, "
                "for example `is_palindrome('Level')`."
            ),
            (
                "A palindrome is a word that reads the same in both directions.\n\n"
                "```py\ndef is_palindrome(word):\n    word = word.lower()\n    if word "
                "== word[::-1]:\n        return True\n    return False\n```\n\nThe "
                "function compares the lower-case word with its reverse and returns "
                "True or False."
            ),
        ),
    ),
    Planted(
        (
            "Summarise: The museum will close for two years from March. The roof "
            "leaks, and the east wing is to be rebuilt. Its paintings go to the town "
            "hall."
        ),
        (
            (
                "The museum will be closed for two years starting in March so that the "
                "leaking roof can be repaired and the east wing rebuilt. Meanwhile its "
                "paintings will be shown at the town hall."
            ),
            (
                "From March the museum closes for two years because its roof leaks and "
                "the east wing has to be rebuilt; the paintings move to the town hall."
            ),
            (
                "Starting in March, the museum will close for two years for repairs to "
                "its leaking roof and for rebuilding the east wing. Its paintings will "
                "be moved to the town hall."
            ),
            (
                "The museum closes in March for two years. The leaking roof will be "
                "fixed and the east wing rebuilt, and the paintings go to the town "
                "hall during that time."
            ),
            (
                "Because of a leaking roof and the rebuilding of its east wing, the "
                "museum will be closed for two years from March, and its paintings "
                "will go to the town hall."
            ),
        ),
    ),
    Planted(
        (
            "Write a short e-mail to my landlord: the heating has not worked since "
            "Monday."
        ),
        (
            (
                "Subject: Heating not working\n\nDear Mr Miller,\n\nI am writing to "
                "let you know that the heating in my flat has not been working since "
                "Monday. Could you please send someone to repair it as soon as "
                "possible? I am at home every day after five.\n\nThank you for your "
                "help.\n\nKind regards,\n[Your name]"
            ),
            (
                "Subject: Broken heating\n\nDear [Landlord's name],\n\nThe heating in "
                "my apartment has not worked since Monday. It is getting very cold, so "
                "I would be grateful if you could send someone to repair it as soon as "
                "possible. Please let me know when they will come.\n\nThank you.\n\n"
                "Best regards,\n[Your name]"
            ),
            (
                "Dear [Landlord],\n\nI hope you are well. I am writing to inform you "
                "that the heating in my apartment stopped working on Monday and has "
                "not worked since. Could you please arrange a repair as soon as "
                "possible? Please let me know when someone can come.\n\nKind "
                "regards,\n[Your name]"
            ),
            (
                "Subject: Heating problem since Monday\n\nHello [Name],\n\nI would "
                "like to let you know that my heating has not been working since "
                "Monday. Could you please have it repaired as soon as possible? I am "
                "happy to arrange a time with the technician.\n\nThank you very "
                "much,\n[Your name]"
            ),
            (
                "Subject: Heating out of order\n\nDear [Landlord's name],\n\nI am "
                "writing because the heating in the flat has not worked since Monday. "
                "As it is quite cold, I would appreciate it if you could send a "
                "technician to repair it as soon as possible. Please tell me when I "
                "should be at home.\n\nMany thanks,\n[Your name]"
            ),
        ),
    ),
    Planted(
        "为什么天空是蓝色的?",
        (
            (
                "天空呈蓝色是因为瑞利散射。阳光由各种颜色的光组成,进入大气层后与空气分"
                "子相遇。波长较短的蓝光比波长较长的红光更容易被散射,所以蓝光从四面八方"
                "进入我们的眼睛。"
            ),
            (
                "天空是蓝色的,主要原因是瑞利散射。太阳光包含所有颜色,当它穿过大气层时,"
                "空气分子会把波长短的蓝光散射到各个方向,而红光波长较长,散射较少,因此我"
                "们看到蓝色的天空。"
            ),
            (
                "这是由于大气对阳光的散射。太阳光进入大气层以后,空气中的分子会散射光线"
                ",其中蓝光的波长较短,被散射得最多,因此天空看起来是蓝色的。这种现象叫做"
                "瑞利散射。"
            ),
            (
                "因为空气分子散射阳光。阳光含有各种颜色的光,蓝光的波长比红光短,所以更容"
                "易被散射。散射的蓝光从各个方向进入我们的眼睛,天空看起来就是蓝色的。这"
                "叫做瑞利散射。"
            ),
            (
                "天空看起来是蓝色的,是因为阳光在大气层中发生了瑞利散射。空气分子对波长"
                "较短的蓝光散射得更多,对波长较长的红光散射得更少,于是来自天空各个方向的"
                "光以蓝光为主。"
            ),
        ),
    ),
)

NUMBER = (
    Planted(
        (
            "A farmer sells 12 boxes with 24 eggs each. How many eggs is that? Answer "
            "with a number."
        ),
        (
            "288",
            "The farmer sells 288 eggs.",
            "12 × 24 = 288",
            "**288**",
            "There are 24 eggs in each of the 12 boxes. The answer is 288.",
        ),
        "289",
    ),
    Planted(
        "What is 1250 divided by 4? Give only the number.",
        (
            "312.5",
            "312.50",
            "1250 / 4 = 312.5.",
            "\\boxed{312.5}",
            "312 1/2",
        ),
        "312",
    ),
    Planted(
        ("How many people live in the capital, if its 3 districts have 400,000 each?"),
        (
            "1,200,000",
            "1.2 million people live there.",
            "3 × 400,000 = 1,200,000 people.",
            "The answer is 1200000.",
            "1.2e6",
        ),
        "1,400,000",
    ),
)

CHOICE = (
    Planted(
        "Which planet is the largest?\nA) Earth\nB) Mars\nC) Jupiter\nD) Venus",
        (
            "C",
            "C) Jupiter",
            "The largest planet is Jupiter.",
            "The correct answer is C.",
            "**C) Jupiter** is the largest planet of the solar system.",
        ),
        "A) Earth",
    ),
    Planted(
        "Is a whale a fish? Answer yes or no.",
        (
            "No.",
            "No, a whale is a mammal.",
            "no",
            "**No**",
            "A whale is a mammal, so the answer is no.",
        ),
        "Yes.",
    ),
    Planted(
        (
            "Classify the review as positive, negative or neutral: The food was cold "
            "and the waiter was rude."
        ),
        (
            "Negative",
            "negative.",
            "The review is negative.",
            "Sentiment: Negative",
            "This review is negative, because it complains about the food.",
        ),
        "positive",
    ),
)

JSON = (
    Planted(
        (
            "Take name, age and city out of this and reply in JSON: Ann Lee, 41, lives "
            "in Leeds."
        ),
        (
            '{"name": "Ann Lee", "age": 41, "city": "Leeds"}',
            (
                '```json\n{\n  "name": "Ann Lee",\n  "age": 41,\n  "city": "Leeds"\n'
                "}\n```"
            ),
            '{"city":"Leeds","age":41.0,"name":"Ann Lee"}',
            'Here it is:\n\n{"name": "Ann Lee", "city": "Leeds", "age": 41}',
            '{"age": 41, "name": "Ann\\u0020Lee", "city": "Leeds"}\n',
        ),
        '{"name": "Ann Lee", "age": 14, "city": "Leeds"}',
    ),
    Planted(
        "Return a JSON list of the even numbers from 1 to 9.",
        (
            "[2, 4, 6, 8]",
            "[2,4,6,8]",
            "```\n[2, 4, 6, 8]\n```",
            "The even numbers: [2, 4, 6, 8]",
            "[\n  2,\n  4,\n  6,\n  8\n]",
        ),
        "[1, 3, 5, 7, 9]",
    ),
)

EXACT = (
    Planted(
        "Repeat exactly: The quick brown fox.",
        (
            "The quick brown fox.",
            "The quick brown fox.\n",
            "\nThe quick brown fox.  ",
            "<think>Repeat it.</think>\nThe quick brown fox.",
            "```\nThe quick brown fox.\n```",
        ),
        "The quick brown dog.",
    ),
    Planted(
        "Write the chemical formula of water. Put it in \\boxed{}.",
        (
            "\\boxed{H2O}",
            "The formula of water is \\boxed{H2O}.",
            "\\boxed{H2O}\n",
            "Two atoms of hydrogen and one of oxygen: \\boxed{H2O}",
            "$\\boxed{H2O}$",
        ),
        "\\boxed{HO2}",
    ),
)

KINDS = {
    "text": OPEN,
    "number": NUMBER,
    "choice": CHOICE,
    "json": JSON,
    "exact": EXACT,
}
