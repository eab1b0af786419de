"""Prints a sources file for the distribution's own source packages (deb822, `Types: deb-src`).

It is derived from the machine's own sources, so that mirrors, snapshots and keys stay as their
owner chose them, and it serves one private call of apt-get: the machine's files are only read.

usage: deb_src.py CODENAME [ROOT]     CODENAME as in /etc/os-release; ROOT is "/" unless testing
"""

import pathlib
import re
import sys

# What a stanza keeps; the rest (architectures, languages) says nothing about source packages.
KEPT = ("uris", "components", "signed-by", "trusted", "check-valid-until")


def parse_deb822(text):
    """The stanzas of a .sources file, each a dict with lower-case keys."""
    text = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", text):
        fields = re.findall(r"^([\w-]+):(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE)
        if fields:
            yield {key.lower(): value for key, value in fields}


def parse_one_line(text):
    """The `deb [option=value ...] URI SUITE COMPONENT...` lines of a .list file, likewise."""
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^]]*)\]\s*)?(\S+)\s+(\S+)\s+([^#]*)", line)
        if match:
            options, uri, suite, components = match.groups()
            stanza = {"types": "deb", "uris": uri, "suites": suite, "components": components}
            for key, value in re.findall(r"([\w-]+)=(\S+)", options or ""):
                stanza[key.lower()] = value
            yield stanza


def source_stanza(stanza, codename):
    """`stanza` for source packages, or None where it is not the distribution's own archive."""
    if "deb" not in stanza["types"].split():
        return None
    if stanza.get("enabled", "yes").strip().lower() in ("no", "false"):
        return None
    # Other vendors name the same suites, but sign with a key of their own.
    key = stanza.get("signed-by", "").strip()
    if key.startswith("/") and not re.search(r"/(debian|ubuntu)-archive-", key):
        return None
    # No backports: apt-get takes the newest source package, whatever the machine's pins say.
    wanted = [codename + suffix for suffix in ("", "-updates", "-security")]
    suites = [suite for suite in stanza["suites"].split() if suite in wanted]
    if not suites:
        return None
    return {"types": "deb-src", "suites": " ".join(suites),
            **{key: stanza[key].rstrip() for key in KEPT if key in stanza}}


def main(codename, root="/"):
    apt = pathlib.Path(root) / "etc/apt"
    stanzas = []
    for path in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]:
        if path.is_file() and path.suffix == ".sources":
            stanzas += parse_deb822(path.read_text())
        elif path.is_file() and path.suffix == ".list":
            stanzas += parse_one_line(path.read_text())
    sources = [found for found in (source_stanza(s, codename) for s in stanzas) if found]
    if not sources:
        sys.exit(f"no archive of {codename} among the sources in {apt}")
    for source in sources:
        # A value may begin on the next line (a key in full), so none gets a space it had not.
        print("".join(f"{key.title()}: {value.lstrip(' ')}\n" for key, value in source.items()))


if __name__ == "__main__":
    main(*sys.argv[1:])
