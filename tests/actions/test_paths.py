"""Paths made comparable, and globs held against them."""

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.actions.paths import covers_path, matches_path, normalised
from proxy.actions.places import FILES, is_credential, is_example_of


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
        ("/proc/self/root/proc/self/root/etc/shadow", "/etc/shadow", "/etc/shadow"),
        ("/proc/self/root/../etc/shadow", "/etc/shadow", "/etc/shadow"),
        ("/x/..//proc/./1/root/etc", "/etc", "/etc"),
        ("/proc/self/cwd/../x", "../x", "/x"),
        ("/proc/self/task/1/environ", "/proc/self/environ", "/proc/self/environ"),
        ("/proc/self/task/1/root/x", "/x", "/x"),
        ("/proc/meminfo", "/proc/meminfo", "/proc/meminfo"),
        ("~/../bob/x", "../bob/x", "/home/bob/x"),
        ("~/../../etc/shadow", "/etc/shadow", "/etc/shadow"),
        ("~/a/../../x", "../x", "/home/x"),
        (".env::$DATA", "./.env", "/w/.env"),
        ("a/.ssh:x:$DATA/y", "./a/.ssh/y", "/w/a/.ssh/y"),
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
        ("/etc/shadow", "/e*/shadow"),
        ("/etc/shadow", "/**/shadow"),
        ("/etc/shadow", "/**/etc/**/shadow"),
        ("/etc/shadow", "../../../etc/shadow"),
        ("/etc/**", "../../etc/a/b"),
        ("**/*.env", "./*env"),
        ("**/.env", "./**/.env"),
        ("**/id_rsa", "./**/id_*"),
        ("**/.env", "/" + "a/" * 300 + ".env"),
        ("http*://**", "https://a.test/[x]/b"),
        ("**/[[]fd00::1]/**", "http://[fd00::1]/x"),
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
        ("**/.gnupg/**", "./**/*.ts"),
        ("**/gcloud/**/*.json", "./**/*.json"),
        ("**/gcloud/**/*.json", "./*/x/*.json"),
        ("**/auth*.json", "./**/*.json"),
        ("/etc/shadow", "/e*/*"),
        ("/*", "../x"),
        ("/etc/*", "./etc/x"),
        ("**/secret*", "https://a.test/*"),
    ],
)
def test_a_glob_does_not_mean_another(glob: str, path: str) -> None:
    assert not matches_path(glob, path)


@pytest.mark.parametrize(
    ("glob", "path", "covers"),
    [
        ("**/*.ts", "./a.ts", True),
        ("**/*.ts", "./**/*.ts", True),
        ("**/*.ts", "./src/**/a*.ts", True),
        ("**/*.ts", "./**", False),
        ("**/*.ts", "./*", False),
        ("**/*.ts", "./a.t?", False),
        ("**/*.ts", "./a.[tx]s", False),
        ("src/?.ts", "src/*.ts", False),
        ("src/*", "src/**", False),
        ("src/**", "src/**", True),
        ("**/*.example", "./.env*", False),
        ("http*://**", "https://a.test/b", True),
        ("http*://**", "./http/b", False),
    ],
)
def test_a_glob_covers_what_a_path_may_stand_for(glob: str, path: str, covers: bool) -> None:
    assert covers_path(glob, path) is covers


@given(st.text("ab*?.", max_size=8), st.text("ab.", min_size=1, max_size=8))
def test_within_one_name_a_glob_is_the_library_s(glob: str, name: str) -> None:
    if glob in ("", ".", "..", "**") or name in (".", "..") or "**" in glob:
        return
    assert matches_path("./" + glob, "./" + name) == fnmatch.fnmatchcase(name, glob)


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_glob_and_no_path_make_it_raise(glob: str, path: str) -> None:
    matches_path(glob, normalised(path))
    covers_path(glob, normalised(path))
    normalised(path, "/w", "/h")


def test_stars_without_end_are_read_in_bounded_work() -> None:
    assert not matches_path("**/" + "a*" * 120 + "b", "/" + "a" * 250)
    assert not matches_path("/**/a/" * 60 + "b", "/**/x" * 250)
    assert not matches_path("**/a/" * 60 + "b", "/" + "a/" * 250)


def test_every_place_of_credentials_is_found_by_its_own_name() -> None:
    for place in FILES:
        name = place.replace("y*ml", "yml").replace("/**", "/a").replace("*", "x")
        assert is_credential(name.removeprefix("/a") if place.startswith("**") else name), place


@pytest.mark.parametrize(
    ("path", "other", "is_one"),
    [
        ("./.env.example", "./.env", True),
        ("./.env.sample", "./.env.local", True),
        ("/a/secrets.yml.dist", "/b/secrets.yml", True),
        ("./example.env", "./.env", True),
        ("./x.example", "~/.aws/credentials", False),
        ("./.env", "./.env.example", False),
        ("./.example", "./.env", False),
    ],
)
def test_what_is_made_from_its_example_is_told(path: str, other: str, is_one: bool) -> None:
    assert is_example_of(path, other) is is_one
