"""How programs that run others read their own options, one row a program (pure).

What a wrapper runs begins where its options end, so that each has to say which of them take a value:
in the next word, or only in the same. Clusters (`-nu root`), `--long value`, `--long=value` and
shortened long options are read as getopt reads them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from proxy.actions.words import Word

NEXT, SAME, DIGITS = 1, 2, 3
"""Where an option's value stands: in the next word if not in this one, in this one alone, or it is
the digits that follow."""

type Rest = Literal["words", "script", "after --", "group", "none"]


@dataclass(frozen=True, slots=True)
class Wrapper:
    """What a program's words mean, as far as they make it run something else."""

    takes: Mapping[str, int]
    skip: int = 0
    """Operands before the command."""
    scripts: frozenset[str] = frozenset()
    """Options whose value a shell runs."""
    runs: frozenset[str] = frozenset()
    """Options behind which a command's words stand."""
    rest: Rest = "words"
    """What follows the options; a group has subcommands, each with a row of its own."""
    is_shell: bool = False
    """With nothing to run it is a shell, and reads its input."""


@dataclass(frozen=True, slots=True)
class Options:
    """The words of one program, sorted."""

    given: tuple[tuple[str, Word | None], ...]
    operands: tuple[Word, ...]
    """Those before the command."""
    rest: tuple[Word, ...]

    def values(self, names: frozenset[str]) -> list[Word]:
        """What was given for any of these options."""
        return [value for name, value in self.given if name in names and value is not None]

    def has(self, *names: str) -> bool:
        """Whether one of them is there."""
        return any(name in names for name, _ in self.given)


def takes(letters: str, longs: str = "") -> Mapping[str, int]:
    """From getopt's notation: `u:` takes a word, `i::` only what is joined to it, `l#` digits."""
    found: dict[str, int] = dict.fromkeys(longs.split(), NEXT)
    for at, letter in enumerate(letters):
        if letter not in ":#":
            mark = letters[at + 1 : at + 3]
            kind = SAME if mark == "::" else NEXT if mark[:1] == ":" else 0
            found[letter] = DIGITS if mark[:1] == "#" else kind
    return MappingProxyType({name: kind for name, kind in found.items() if kind})


def read_options(words: Sequence[Word], wanted: Mapping[str, int], skip: int = 0) -> Options:
    """Sort words up to the first operand behind those that are skipped."""
    given: list[tuple[str, Word | None]] = []
    operands: list[Word] = []
    at, is_open = 0, True
    while at < len(words):
        word = words[at]
        text = word.text
        if is_open and text == "--":
            is_open = False
        elif is_open and text.startswith("--"):
            name, equals, value = text[2:].partition("=")
            name = _whole(name, wanted)
            if equals:
                given.append((name, Word(value, word.is_known, word.programs)))
            elif name in wanted and at + 1 < len(words):
                at += 1
                given.append((name, words[at]))
            else:
                given.append((name, None))
        elif is_open and text == "-":
            given.append(("-", None))
        elif is_open and text.startswith("-"):
            needs = _cluster(word, wanted, given)
            if needs and at + 1 < len(words):
                at += 1
                given.append((needs, words[at]))
        elif len(operands) < skip:
            operands.append(word)
        else:
            break
        at += 1
    return Options(tuple(given), tuple(operands), tuple(words[at:]))


def _whole(name: str, wanted: Mapping[str, int]) -> str:
    """A long option may be shortened, as long as it is clear which one is meant."""
    if name in wanted or len(name) < 3:
        return name
    return next((long for long in wanted if long.startswith(name)), name)


def _cluster(word: Word, wanted: Mapping[str, int], given: list[tuple[str, Word | None]]) -> str:
    """Note each option of `-abc`; the last one where its value is the next word."""
    text = word.text
    at = 1
    while at < len(text):
        letter, rest = text[at], text[at + 1 :]
        kind = wanted.get(letter)
        at += 1
        if kind == NEXT and not rest:
            return letter
        if kind in (NEXT, SAME):
            given.append((letter, Word(rest, word.is_known, word.programs)))
            break
        if kind == DIGITS:
            at += len(rest) - len(rest.lstrip("0123456789"))
        given.append((letter, None))
    return ""


def _row(
    name: str, letters: str = "", longs: str = "", skip: int = 0, rest: Rest = "words",
    scripts: str = "", runs: str = "", is_shell: bool = False,
) -> tuple[str, Wrapper]:  # fmt: skip
    names = (frozenset(scripts.split()), frozenset(runs.split()))
    return name, Wrapper(takes(letters, longs), skip, *names, rest, is_shell)


_UV = ("p:w:", "directory project config-file cache-dir color python with with-requirements"
       " with-editable package env-file index default-index index-url extra-index-url group"
       " only-group no-group extra no-extra from constraints overrides refresh-package")  # fmt: skip
_NPM = ("c:p:w:C:F:", "call package workspace prefix registry filter dir")
_TMUX = "c:e:f:F:n:s:t:x:y:l:p:"

WRAPPERS: dict[str, Wrapper] = dict(
    (
        _row("sudo", "u:g:h:p:C:r:t:T:U:D:R:", "user group host prompt close-from role type"
             " command-timeout other-user chdir chroot", is_shell=True),
        _row("doas", "u:C:"),
        _row("pkexec", "", "user"),
        _row("run0", "u:g:D:", "user group chdir unit property description slice setenv nice machine"),
        _row("gosu", skip=1),
        _row("su-exec", skip=1),
        _row("su", "c:s:g:G:w:", "command session-command shell group supp-group"
             " whitelist-environment", rest="none", skip=64,
             scripts="c command session-command", is_shell=True),
        _row("runuser", "c:u:s:g:G:w:", "command session-command user shell group supp-group"
             " whitelist-environment", rest="none", skip=64,
             scripts="c command session-command", is_shell=True),
        _row("setpriv", "", "ruid euid rgid egid reuid regid groups inh-caps ambient-caps"
             " bounding-set securebits pdeathsig selinux-label apparmor-profile"),
        _row("env", "u:C:S:a:", "unset chdir split-string argv0"),
        _row("cross-env"),
        _row("nohup"),
        _row("time", "f:o:", "format output"),
        _row("coproc"),
        _row("timeout", "s:k:", "signal kill-after", skip=1),
        _row("nice", "n:", "adjustment"),
        _row("ionice", "c:n:p:P:u:", "class classdata pid pgid uid"),
        _row("chrt", "T:P:D:", "sched-runtime sched-period sched-deadline", skip=1),
        _row("taskset", skip=1),
        _row("numactl", "i:N:m:C:p:w:", "interleave cpunodebind membind physcpubind preferred"),
        _row("cpulimit", "l:c:", "limit cpu"),
        _row("stdbuf", "i:o:e:", "input output error"),
        _row("unbuffer"),
        _row("setsid"),
        _row("chronic"),
        _row("ifne"),
        _row("caffeinate", "t:w:"),
        _row("chroot", "", "userspec groups", skip=1, is_shell=True),
        _row("flock", "w:E:c:", "timeout wait conflict-exit-code command", skip=1,
             scripts="c command"),
        _row("strace", "a:b:e:E:I:o:O:p:P:s:S:u:U:X:", "attach output string-limit user env"
             " trace-path interruptible columns trace"),
        _row("ltrace", "a:A:D:e:F:l:n:o:p:s:u:x:X:", "align output library indent"),
        _row("valgrind"),
        _row("command"),
        _row("builtin"),
        _row("exec", "a:"),
        _row("noglob"),
        _row("nocorrect"),
        _row("busybox"),
        _row("toybox"),
        _row("shx"),
        _row("proxychains", "f:"),
        _row("proxychains4", "f:"),
        _row("torsocks", "u:p:a:P:"),
        _row("fakeroot", "l:i:s:b:", "lib faked"),
        _row("dbus-run-session", "", "config-file dbus-daemon"),
        _row("xvfb-run", "e:f:n:p:s:w:", "error-file auth-file server-num xauth-protocol server-args"
             " wait"),
        _row("systemd-run", "u:p:E:H:M:", "unit property description slice setenv uid gid nice"
             " working-directory on-active on-boot on-startup on-unit-active on-unit-inactive"
             " on-calendar timer-property path-property socket-property service-type machine host"),
        _row("systemd-inhibit", "", "what who why mode"),
        _row("unshare", "R:S:G:w:l:m::u::i::n::p::U::C::T::", "root setuid setgid wd map-user"
             " map-group map-users map-groups setgroups propagation load-interp", is_shell=True),
        _row("nsenter", "t:S:G:N:m::u::i::n::p::U::C::T::r::w::W:", "target setuid setgid net-socket"
             " wdns", is_shell=True),
        _row("tini", "p:e:v"),
        _row("dumb-init", "r:", "rewrite"),
        _row("entr"),
        _row("watch", "n:q:", "interval equexit", rest="script"),
        _row("ssh", "B:b:c:D:E:e:F:I:i:J:L:l:m:O:o:p:P:Q:R:S:W:w:", skip=1, rest="script",
             is_shell=True),
        _row("wsl", "d:u:", "distribution user cd shell-type", is_shell=True),
        _row("script", "c:E:I:O:B:T:m:o:t::", "command echo log-in log-out log-io log-timing"
             " logging-format output-limit", skip=1, scripts="c command", is_shell=True),
        _row("screen", "S:e:h:p:T:t:c:s:"),
        _row("hyperfine", "w:m:M:r:p:s:S:c:n:i", "warmup min-runs max-runs runs prepare setup cleanup"
             " conclude shell parameter-list command-name export-json export-markdown style",
             scripts="p s c prepare setup cleanup conclude", rest="script"),
        _row("nodemon", "x:e:w:i:d:V", "exec ext watch ignore delay signal", scripts="x exec",
             rest="none"),
        _row("dotenv", "e:f:", "file"),
        _row("npx", *_NPM, scripts="c call"),
        _row("bunx", "p:", "package"),
        _row("uvx", *_UV),
        _row("pipx", rest="group"),
        _row("pipx run", "", "spec python"),
        _row("nix-shell", "p:I:A:", "run command packages attr", rest="none", scripts="run command"),
        _row("nix", "", "", rest="group"),
        *(_row(f"nix {verb}", "c", "", rest="none", runs="c command") for verb in ("develop", "shell")),
        _row("guix", "", "", rest="group"),
        _row("guix shell", rest="after --"),
        _row("uv", *_UV, rest="group"),
        _row("uv run", *_UV),
        _row("poetry", "C:P:", "directory project", rest="group"),
        _row("pdm", "p:", "project", rest="group"),
        _row("hatch", "e:p:", "env project", rest="group"),
        _row("conda", "n:p:", "name prefix cwd", rest="group"),
        _row("conda run", "n:p:", "name prefix cwd"),
        *(_row(name, rest="group") for name in ("pipenv", "rye", "pixi", "bundle", "direnv", "asdf",
                                                "rbenv", "pyenv", "nodenv", "devbox")),
        *(_row(f"{name} run", "p:e:", "project environment")
          for name in ("poetry", "pdm", "hatch", "pipenv", "rye", "pixi", "devbox")),
        *(_row(f"{name} exec") for name in ("bundle", "asdf", "rbenv", "pyenv", "nodenv")),
        _row("direnv exec", skip=1),
        _row("npm", *_NPM, rest="group"),
        _row("pnpm", *_NPM, rest="group"),
        _row("yarn", "", "cwd", rest="group"),
        _row("bun", "", "cwd", rest="group"),
        *(_row(key, *_NPM, scripts="c call")
          for key in ("npm exec", "npm x", "pnpm exec", "pnpm dlx", "yarn exec", "yarn dlx", "bun x")),
        _row("mise", "C:E:", "cd env", rest="group"),
        *(_row(f"mise {verb}", "c:j:C:", "command jobs cd", rest="after --", scripts="c command")
          for verb in ("x", "exec")),
        *(_row(name, rest="group") for name in ("op", "doppler", "dotenvx", "infisical", "aws-vault",
                                                "chamber", "teller", "sops")),
        *(_row(key, rest="after --") for key in ("op run", "doppler run", "dotenvx run", "infisical run",
                                                 "aws-vault exec", "chamber exec", "teller run")),
        _row("sops exec-env", skip=1, rest="script"),
        _row("git", "C:c:", "git-dir work-tree namespace exec-path super-prefix config-env",
             rest="group"),
        _row("git rebase", "x:s:X:", "exec onto strategy strategy-option", rest="none", skip=64,
             scripts="x exec"),
        _row("git filter-branch", "d:", "tree-filter index-filter env-filter msg-filter parent-filter"
             " commit-filter tag-name-filter setup", rest="none",
             scripts="tree-filter index-filter env-filter setup msg-filter"),
        _row("git submodule", rest="group"),
        _row("git submodule foreach", rest="script"),
        _row("git bisect", rest="group"),
        _row("git bisect run"),
        _row("vagrant", rest="group"),
        _row("vagrant ssh", "c:", "command", rest="none", skip=1, scripts="c command"),
        _row("tmux", "c:f:L:S:T:", rest="group"),
        *(_row(f"tmux {verb}", _TMUX, rest="script")
          for verb in ("new", "new-session", "neww", "new-window", "splitw", "split-window",
                       "respawn-pane", "respawn-window", "respawnp", "respawnw", "run", "run-shell")),
        *(_row(f"tmux {verb}", "b:c:d:e:h:s:S:t:T:w:x:y:", rest="script")
          for verb in ("popup", "display-popup")),
        _row("xargs", "a:d:E:e::I:i::L:l::n:P:s:J:R:S:", "arg-file delimiter max-args max-procs"
             " max-chars process-slot-var"),
        _row("parallel", "a:C:d:E:e::I:i::j:L:l::n:N:P:s:S:t", "arg-file jobs delay timeout joblog"
             " colsep max-args max-replace-args max-procs results retries sshlogin workdir tmpdir"
             " memfree load halt delimiter tagstring"),
        _row("fd", "d:E:t:e:o:c:j:S:x:X:", "max-depth min-depth exact-depth exclude type extension"
             " size changed-within changed-before owner color threads base-directory ignore-file"
             " search-path max-results", skip=64, rest="none"),
    )
)  # fmt: skip
"""By program, and by program and subcommand."""
