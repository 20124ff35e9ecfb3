"""5.6: cut a long function up."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="5.6",
    title="A long function, cut up",
    minutes=45,
    package=__name__,
    file="split.py",
    defines=("leader_app_resp",),
    goal="no function above twenty lines, no recording changed",
    stub_says="the longest, leader_app_resp, has",
    reading=(
        Reading("commit.md", "Commit"),
        Reading("step.md", "Step, whole"),
    ),
    hints=(
        "The first cut is given: a refusal and an acknowledgement have nothing"
        " in common but the first line.",
        "Read the acknowledgement's half as a list of questions. Is this news?"
        " May the peer's progress take another state? Can something be"
        " committed? Does the peer lack anything? Was it waiting to take over?"
        " Each is a function.",
        "Mind the early return: the function that asks whether this is news"
        " has to return a bool, and its caller has to stop. And mind that"
        " `maybe_update` and `maybe_commit` do something: call each just"
        " once.",
    ),
    discussion=(
        "The reference has seven functions, and the first of them reads like"
        " a table of contents. That is what was gained. What was lost: to see"
        " everything that an acknowledgement does, one has to scroll.\n\n"
        "Compare with the port, which makes three of it. There the five"
        " questions stay together in `leader_app_accepted`, as they share"
        " `from_`, `index` and `log`, and as each is two or three lines."
        " Twenty lines is a number that somebody made up; a function ends"
        " where its name ends.\n\n"
        "What made this safe was not care. It was that every recording ran"
        " after every step. Without them, leave a function as long as it is."
    ),
    mutants=(
        mutant(
            "goes_on_with_old_news",
            "The early return is lost: an answer without news is acted upon.",
            "elif brings_news(m, pr):\n        move_on",
            "else:\n        brings_news(m, pr)\n        move_on",
        ),
        mutant(
            "does_not_see_that_it_lives",
            "The peer counts as dead when the quorum is checked.",
            "    pr.recent_active = True\n", "",
        ),
        mutant(
            "commits_first",
            "The commit is counted before the progress takes its next state.",
            "        move_on(r, m, pr)\n        commit_what_can_be(r, m, pr)\n",
            "        commit_what_can_be(r, m, pr)\n        move_on(r, m, pr)\n",
        ),
        mutant(
            "sends_to_itself",
            "The leader sends itself what it has.",
            "    if r.id != m.from_:\n        while",
            "    if r.id:\n        while",
        ),
        mutant(
            "leaves_reads_waiting",
            "Reads that waited for a commit in this term are not released.",
            "        release_pending_read_index_messages(r)\n", "",
        ),
        mutant(
            "forgets_the_transfer",
            "The next leader has everything, and nobody tells it.",
            "        hand_over_if_ready(r, m, pr)\n", "",
        ),
        mutant(
            "stays_long",
            "Two pieces are put back together.",
            "        look_further_back(r, m, pr)\n    elif",
            "        if pr.state is StateReplicate:\n"
            + "            pr = pr\n" * 20
            + "        look_further_back(r, m, pr)\n    elif",
        ),
    ),
    seconds=40.0,
)  # fmt: skip
