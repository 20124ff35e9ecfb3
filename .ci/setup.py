"""Makes the virtual environment `.venv` hold what a lock file says.

    python3 .ci/setup.py book|test

`book` installs requirements-book.txt, `test` requirements-test.txt, which
has all of the book's too. What is there already is left alone: a stamp in
`.venv` keeps the lock file's hash. Nothing outside the repository changes.

Whatever is missing is said in one line, with the fix. The file runs on any
Python, even one from long ago, far enough to look for a newer one or to say
that there is none; so it keeps to what all of them can parse.
"""

from __future__ import print_function

import hashlib
import os
import subprocess
import sys

OLDEST = (3, 11)
NEWEST = (3, 14)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = ".venv"
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "%s.stamp")
LOG = os.path.join(VENV, "setup.log")

# What pip says, and what to do about it.
TROUBLE = [
    (
        ["DO NOT MATCH THE HASHES"],
        "a download is not the file that the lock file names; try again, "
        "without any pip index of your own",
    ),
    (
        ["No space left"],
        "the disk is full; free some space and run this again",
    ),
    (
        [
            "NewConnectionError",
            "NameResolutionError",
            "ConnectTimeout",
            "ReadTimeout",
            "ProxyError",
            "Network is unreachable",
            "No matching distribution",
        ],
        "the packages cannot be reached; connect to the network (or set "
        "pip's proxy or mirror) and run this again",
    ),
]


def stop(line):
    """End with one line that says what is wrong and how to mend it."""
    sys.stderr.write(line + "\n")
    sys.exit(1)


def version(numbers):
    """Write (3, 11) as 3.11."""
    return ".".join(str(n) for n in numbers)


def works(python):
    """Say whether a command is a Python that is new enough."""
    test = "import sys; sys.exit(sys.version_info < (%d, %d))" % OLDEST
    try:
        with open(os.devnull, "w") as nowhere:
            return not subprocess.call(
                [python, "-c", test], stdout=nowhere, stderr=nowhere
            )
    except OSError:
        return False


def hand_over():
    """Go on in a newer Python if this one is too old; stop without one."""
    if sys.version_info >= OLDEST:
        return
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        python = "python3.%d" % minor
        if works(python):
            os.execvp(python, [python] + sys.argv)
    stop(
        "Python %s or newer is needed, and %s is only %s; install one, "
        "then: make PYTHON=python3.12 ..."
        % (version(OLDEST), sys.executable, version(sys.version_info[:3]))
    )


def run(command):
    """Run a command quietly; return whether it failed, and what it said."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    said = process.communicate()[0]
    return process.returncode != 0, said


def digest(kind):
    """Return the hash of a lock file."""
    with open("requirements-%s.txt" % kind, "rb") as lock:
        return hashlib.sha256(lock.read()).hexdigest()


def stale(kind):
    """Say whether `.venv` was set up from another lock file, or never."""
    if not os.path.exists(STAMP % kind):
        return True
    with open(STAMP % kind) as stamp:
        return stamp.read() != digest(kind)


def make_venv():
    """Make the virtual environment, unless there is one that works."""
    if works(PYTHON) and not run([PYTHON, "-m", "pip", "--version"])[0]:
        return
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        stop(
            "This Python cannot make virtual environments; on Debian and "
            "Ubuntu: sudo apt install python%s-venv"
            % version(sys.version_info[:2])
        )
    failed, said = run([sys.executable, "-m", "venv", "--clear", VENV])
    if failed:
        lines = said.strip().splitlines() or ["no reason given"]
        stop("Making .venv failed: %s; remove .venv and try again" % lines[-1])


def install(lock):
    """Install exactly what the lock file names."""
    failed, said = run(
        [PYTHON, "-m", "pip", "install", "--disable-pip-version-check"]
        + ["--no-input", "--retries", "2", "--require-hashes", "-r", lock]
    )
    with open(LOG, "w") as log:
        log.write(said)
    if not failed:
        return
    for signs, fix in TROUBLE:
        if any(sign in said for sign in signs):
            stop("Setting up failed: %s (pip's words: .venv/setup.log)" % fix)
    hint = "see .venv/setup.log"
    if sys.version_info[:2] > NEWEST:
        hint += ", or try an older Python: make PYTHON=python%s ..." % version(
            NEWEST
        )
    stop("Setting up failed: pip could not install %s; %s" % (lock, hint))


def main():
    """Bring `.venv` up to the lock file named on the command line."""
    if sys.argv[1:] not in (["book"], ["test"]):
        stop("usage: python3 .ci/setup.py book|test")
    kind = sys.argv[1]
    hand_over()
    os.chdir(ROOT)
    if not works(PYTHON) or stale(kind):
        print("Setting up .venv from requirements-%s.txt ..." % kind)
        sys.stdout.flush()
        make_venv()
        install("requirements-%s.txt" % kind)
    # Whoever has the tests' packages has the book's.
    for kept in ["book", "test"] if kind == "test" else ["book"]:
        with open(STAMP % kept, "w") as stamp:
            stamp.write(digest(kept))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        stop("Stopped; what is missing is set up the next time.")
    except (IOError, OSError) as wrong:
        stop("Setting up failed: %s" % wrong)
