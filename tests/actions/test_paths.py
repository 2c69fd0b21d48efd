"""Paths made comparable, and globs held against them."""

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.actions.paths import matches_path, normalised


@pytest.mark.parametrize(
    ("text", "bare", "placed"),
    [
        (".env", "./.env", "/w/.env"),
        ("./.env", "./.env", "/w/.env"),
        ("a/../.env", "./.env", "/w/.env"),
        ("a//b/./c/", "./a/b/c", "/w/a/b/c"),
        ("../x", "../x", "/x"),
        ("/", "/", "/"),
        ("//x//y/", "/x/y", "/x/y"),
        ("/../..", "/", "/"),
        ("", ".", "/w"),
        ("~", "~", "/home/u"),
        ("~/.ssh//x/", "~/.ssh/x", "/home/u/.ssh/x"),
        ("~bob/x", "/home/bob/x", "/home/bob/x"),
        ("$HOME/x", "~/x", "/home/u/x"),
        ("${HOME}/x", "~/x", "/home/u/x"),
        ("$PWD/x", "./x", "/w/x"),
        ("%USERPROFILE%\\.ssh\\id_rsa", "~/.ssh/id_rsa", "/home/u/.ssh/id_rsa"),
        ("C:\\a\\.env", "C:/a/.env", "C:/a/.env"),
        ("a\\b", "./a/b", "/w/a/b"),
        ("file:///etc/pass%77d", "/etc/passwd", "/etc/passwd"),
        ("file://localhost/etc/x", "/etc/x", "/etc/x"),
        ("file:///C:/x", "C:/x", "C:/x"),
        ("/proc/self/root/etc/shadow", "/etc/shadow", "/etc/shadow"),
        ("/proc/1/cwd/.env", "./.env", "/w/.env"),
    ],
)
def test_a_path_has_one_form(text: str, bare: str, placed: str) -> None:
    assert normalised(text) == bare
    assert normalised(text, "/w", "/home/u") == placed


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("**/.env", ".env"),
        ("**/.env", "./.env"),
        ("**/.env", "/app/.env"),
        ("**/.env", "/app/b/.ENV"),
        ("**/.env", "./.e*"),
        ("**/.env", "./.en?"),
        ("**/.env", "./.e[mn]v"),
        (".env", "/app/.env"),
        ("src/**", "/w/src/a/b"),
        ("./src/**", "./src/a"),
        ("**", "/x"),
        ("/**", "/x/y"),
        ("/etc/*", "/etc/passwd"),
        ("/etc/shadow", "/etc/*"),
        ("/etc/**", "/etc"),
        ("**/.ssh/id_*", "~/.ssh/id_rsa"),
        ("**/.ssh/id_*", "~/.ssh/*"),
        ("~/.ssh/**", "/home/u/.ssh/x"),
        ("~/.ssh/**", "/root/.ssh/x"),
        ("~/.ssh/**", "~/.ssh/x"),
        ("/root/.ssh/*", "~/.ssh/x"),
        ("**/*.pem", "./*.pem"),
        ("**/a/**/b", "/a/b"),
        ("**/a/**/b", "/x/a/y/z/b"),
        ("**/[ab].txt", "./a.txt"),
        ("/x/a?c", "/x/abc"),
        ("C:/Users/**", "c:/users/me"),
    ],
)
def test_a_glob_means_a_path(glob: str, path: str) -> None:
    assert matches_path(glob, path)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("**/.env", "./x.env"),
        ("**/.env", "./.env.local"),
        ("**/.env", "./.env/x"),
        ("**/.env", "./*"),
        ("**/token*.json", "./*.json"),
        ("**/*secret*", "./*"),
        ("./src/**", "/w/src/a"),
        ("/etc/*", "/etc/a/b"),
        ("/etc/*", "./etc/a"),
        ("/etc/*", "/etc"),
        ("/x/a?c", "/x/ac"),
        ("**/[!a].txt", "./a.txt"),
        ("~/.ssh/**", "/srv/.ssh/x"),
        ("**/x", "./" + "x" * 300),
    ],
)
def test_a_glob_does_not_mean_another(glob: str, path: str) -> None:
    assert not matches_path(glob, path)


@given(st.text("ab*?.", max_size=8), st.text("ab.", min_size=1, max_size=8))
def test_within_one_name_a_glob_is_the_library_s(glob: str, name: str) -> None:
    if glob in ("", ".", "..", "**") or name in (".", "..") or "**" in glob:
        return
    assert matches_path("./" + glob, "./" + name) == fnmatch.fnmatchcase(name, glob)


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_glob_and_no_path_make_it_raise(glob: str, path: str) -> None:
    matches_path(glob, normalised(path))
    normalised(path, "/w", "/h")


def test_stars_without_end_are_read_in_bounded_work() -> None:
    assert not matches_path("**/" + "a*" * 120 + "b", "/" + "a" * 250)
    assert not matches_path("**/a/" * 60 + "b", "/" + "a/" * 250)
