"""The weave: code, notes and scenarios joined into pages.

It is an extension of Python-Markdown, so any generator that speaks
Python-Markdown can use it (in `mkdocs.yml`: `markdown_extensions:
[book.weave]`). A page says

    ::: walk port/raft.py Raft.become_follower

    - `def become_follower` @ `raft.go:891`: One sentence, shown beside the
      code. More sentences open when the reader asks for them.
    - ! `self.reset(term)` @ `raft.go:893`: A key note, marked, with evidence.

      Evidence: thesis 3.6; etcd#2461; tests/port/test_raft.py::test_vote

    :::

and gets the code of that symbol whole, a note beside its lines, and links to
the lines of the Go. Without the exclamation mark a note is a note like most;
`#2` after an anchor picks its second match; what is indented belongs to the
note. `::: figure roles`, a caption and `:::` draw a figure. `::: scenario
one-day act=2`, a caption and `:::` play an act of a script. `::: generated
messages` and `:::` stand for what `back/` makes of code and data. `:::
transitions family=role`, a caption and `:::` show those rows of the catalogue
that have their home on the page. Walks that are there to be looked up stand
between `<details class="wv-fold" markdown="1">`, a summary, and `</details>`.
How it all comes about, file by file:

    walks.py     reads such blocks from a page: text in, values out
    python.py    knows the symbols of a Python file and their lines
    golang.py    knows ranges of Go lines, and which are theirs to name
    place.py     puts each note of a walk on its lines, or refuses
    sources.py   resolves evidence: tests, steps, pull requests, thesis
    refs.py      makes links of `raft.go:891` and etcd#2461 in running text
    highlight.py colours Python, line by line
    roles.py     knows the roles and the ways between them, and draws them
    figures.py   gives a figure its number and caption
    canvas.py    frames a drawing, and writes in it
    scenes.py    runs a scenario, and makes a player of it
    render.py    builds the elements of a walk
    catalogue.py reads the catalogue of transitions, and checks it
    transitions.py, transitions_drawn.py show it, and draw it
    matrix.py    reads what each role makes of each message
    back/        makes the tables of the back matter, and the cheat sheet
    modules.py   reads what the files of the port and its tests define
    names.py     knows what the names in the code stand for
    uses.py      knows who uses what
    pins.py      knows which tests hold a function
    pulls.py     makes and reads the facts about upstream's pull requests
    around.py    puts all that below the code of a walk
    here.py      draws the path of the part, and the roles in question
    minutes.py   knows how long a page takes
    page.py      what is known of a page
    pages.py     reads all pages of the book
    gate.py      says what all of them leave out, or say twice
    extension.py hands all this to Python-Markdown
    facts.py     makes and reads the facts about upstream's files

Anything that does not hold stops the build with its page, its line, what is
wrong and what to do (`problems.py`). `python -m book.weave` checks the whole
book without building it, and prints what the notes cover.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from book.weave.extension import WeaveExtension


def makeExtension(**options: object) -> WeaveExtension:
    """Returns the extension, as Python-Markdown asks for it by this name.

    Args:
        **options: `root` names the repository, if it is not the one that
            this file is in; `pages` the folder of pages below it; `gate` the
            symbols that notes must cover, if not those of `gate.py`.
    """
    from book.weave.extension import WeaveExtension

    return WeaveExtension(**options)
