"""What the demo world is called and what its people say."""

NAMES = (
    *("Mira Lund", "Theo Brandt", "Aiko Tanaka", "Luis Ortega", "Zara Haddad", "Finn Keller", "Noor Rahman"),
    *("Ivy Chen", "Marco Rossi", "Lena Vogel", "Kofi Mensah", "Sana Iqbal", "Hugo Silva", "Elif Demir", "Oskar Nowak"),
    *("Priya Nair", "Jonas Lind", "Amara Obi", "Diego Luna", "Freya Holm", "Kenji Mori", "Lucia Vega", "Milo Hart"),
    *("Nina Petrov", "Omar Farouk", "Paula Ruiz", "Quinn Doyle", "Rosa Mendes", "Sven Berg", "Tara Singh"),
    *("Uma Patel", "Viktor Havel", "Wren Foster", "Xenia Popa", "Yara Costa", "Zeno Marino", "Ada Quist"),
    *("Bruno Faria", "Celia Roy", "Dario Conti", "Esme Clarke", "Farid Aziz", "Greta Olsen", "Hana Kovac"),
    *("Ines Prieto", "Jamal Reed", "Kira Weiss"),
)

CATEGORIES = {
    "Just chatting": ("Talk", "Community"),
    "Games": ("Gaming", "Co-op"),
    "Music": ("Live music", "Guitar"),
    "Science": ("Astronomy", "Learning"),
    "Sports": ("Football", "Training"),
    "Cooking": ("Food", "Recipes"),
    "Art": ("Drawing", "Painting"),
    "Travel": ("Outdoors", "Cities"),
    "Programming": ("Code", "Learning"),
    "Fitness": ("Training", "Yoga"),
    "Chess": ("Strategy", "Learning"),
    "Speedruns": ("Gaming", "Records"),
}

TITLES = (
    ("Saturn through a small telescope", "Science"),
    ("Morning coffee and questions", "Just chatting"),
    ("Co-op night, everybody welcome", "Games"),
    ("Acoustic covers by request", "Music"),
    ("Match analysis with a whiteboard", "Sports"),
    ("Ramen from scratch", "Cooking"),
    ("Watercolour night sky", "Art"),
    ("Walking Lisbon at dawn", "Travel"),
    ("Writing a parser, live", "Programming"),
    ("Thirty minutes of stretching", "Fitness"),
    ("Blitz against viewers", "Chess"),
    ("Any-percent attempts", "Speedruns"),
)

POSTS = (
    "Clear skies tonight: we look at Saturn at nine.",
    "Thank you for a thousand followers!",
    "What should I cook on Sunday?",
    "New microphone, and you can hear the difference.",
    "The recording of yesterday is up.",
    "I am away until Thursday, back with something new.",
    "Sketches from the last stream, as promised.",
    "Poll: earlier or later on weekdays?",
    "A personal best today, by four seconds.",
    "Notes and code of the last session are in the description.",
)

COMMENTS = (
    "Looking forward to it!",
    "I learned so much last time.",
    "Later suits me better.",
    "That was great, thank you.",
    "Will there be a recording?",
    "First time here, what a kind chat.",
    "Ramen, please.",
)

CHAT = (
    "hello from Lima",
    "hi everybody",
    "is it starting soon?",
    "sound is perfect",
    "what a picture",
    "good evening all",
    "which telescope is that?",
    "greetings from Oslo",
    "I brought tea",
    "love this room",
    "first stream for me",
    "clear skies here too",
)
