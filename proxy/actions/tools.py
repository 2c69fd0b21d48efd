"""The tools that agents are known to have, and which of their arguments mean what (pure).

A tool that is not listed is read by the names of its arguments: what is called `command` is one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Category = Literal[
    "file_read", "file_write", "credential_access", "command", "network", "delegation", "state",
    "mcp", "llm", "unknown",
]  # fmt: skip

type Meaning = Literal["script", "argv", "path", "url", "sql", "patch", "code"]


@dataclass(frozen=True, slots=True)
class Tool:
    """What a tool does, and what its arguments mean."""

    category: Category
    is_search: bool = False
    """Its query is plain text, not SQL."""
    language: str = "sh"


KEYS: dict[str, Meaning] = {
    **dict.fromkeys(
        ("command", "cmd", "commands", "script", "shell_command", "bash", "command_line",
         "commandline", "chars", "powershell_command", "cmdline", "cmd_line", "bash_command", "shell_cmd",
         "shell_script", "bash_script"), "script"),
    **dict.fromkeys(("argv",), "argv"),
    **dict.fromkeys(
        ("path", "paths", "file_path", "filepath", "filename", "file", "files", "file_paths",
         "absolute_path", "absolutepath", "target_file", "targetfile", "notebook_path",
         "old_path", "new_path", "directory", "dir_path", "dirpath", "source", "destination",
         "source_path", "destination_path", "relative_workspace_path", "target_directory",
         "include", "searchpath", "uri_path", "folder"), "path"),
    **dict.fromkeys(("url", "urls", "uri", "endpoint", "link", "href"), "url"),
    **dict.fromkeys(("sql", "query", "statement", "statements", "queries"), "sql"),
    **dict.fromkeys(("patch", "patchtext", "patch_text", "diff_text"), "patch"),
    **dict.fromkeys(("python_code",), "code"),
}  # fmt: skip
"""By the argument's name in lower case; what else is there is text."""

LOOSE_KEYS: frozenset[str] = frozenset(("run", "shell", "exec", "execute"))
"""A script in tools that nobody listed; in others they are settings."""

CWD_KEYS = ("workdir", "cwd", "working_directory", "workingdirectory", "dir_path")

_READ, _WRITE = Tool("file_read"), Tool("file_write")
_SHELL, _FIND = Tool("command"), Tool("file_read", is_search=True)
_NET, _WEB = Tool("network"), Tool("network", is_search=True)
_STATE, _AGENT = Tool("state"), Tool("delegation", is_search=True)


def _all(tool: Tool, names: str) -> dict[str, Tool]:
    return dict.fromkeys(names.split(), tool)


TOOLS: dict[str, Tool] = {
    # Claude Code
    **_all(_SHELL, "bash"),
    **_all(_READ, "read notebookread ls"),
    **_all(_WRITE, "write edit multiedit notebookedit"),
    **_all(_FIND, "glob grep toolsearch"),
    **_all(_NET, "webfetch"),
    **_all(_WEB, "websearch"),
    **_all(_AGENT, "task agent sendmessage skill"),
    **_all(_STATE, "todowrite todoread killshell killbash bashoutput taskstop taskoutput taskcreate"
           " taskupdate tasklist taskget exitplanmode enterplanmode askuserquestion"),
    # Codex and OpenAI's own
    **_all(_SHELL, "shell shell_command exec_command write_stdin local_shell local_shell_call"
           " shell_call container.exec unified_exec"),
    **_all(_WRITE, "apply_patch apply_patch_call"),
    **_all(_READ, "view_image list_dir read_mcp_resource"),
    **_all(_FIND, "grep_files"),
    **_all(_STATE, "update_plan request_user_input wait wait_agent close_agent"),
    **_all(_AGENT, "spawn_agent send_input"),
    **_all(_SHELL, "computer computer_call code_interpreter"),
    # Anthropic's own
    **_all(_WRITE, "str_replace_editor str_replace_based_edit_tool memory"),
    **_all(_WEB, "web_search"),
    **_all(_NET, "web_fetch"),
    **_all(_SHELL, "bash_code_execution code_execution"),
    # gemini-cli
    **_all(_SHELL, "run_shell_command"),
    **_all(_READ, "read_file read_many_files list_directory"),
    **_all(_WRITE, "write_file replace"),
    **_all(_FIND, "search_file_content grep_search"),
    **_all(_WEB, "google_web_search"),
    **_all(_STATE, "save_memory write_todos activate_skill"),
    **_all(_AGENT, "delegate_to_agent codebase_investigator"),
    # opencode, Cursor, Windsurf, Cline and their like
    **_all(_WRITE, "patch edit_file write_to_file replace_in_file search_replace delete_file"
           " create_file insert_edit_into_file reapply"),
    **_all(_READ, "list list_files view view_file read_lints"),
    **_all(_FIND, "codebase_search file_search search_files glob_file_search semantic_search"),
    **_all(_SHELL, "run_terminal_cmd run_terminal_command run_command execute_command"
           " run_in_terminal terminal execute_bash"),
    **_all(_NET, "fetch browser_action browser_navigate open_url"),
    **_all(_STATE, "todo_write update_memory attempt_completion new_task_state"),
    # What providers run themselves, by the names in requests
    **_all(_WEB, "web_search_preview googlesearch googlesearchretrieval google_search googlemaps"
           " enable_search search_options search_parameters search_settings"),
    **_all(_NET, "urlcontext url_context"),
    **_all(_SHELL, "codeexecution"),
    **_all(_FIND, "filesearch data_sources"),
    **_all(Tool("mcp"), "mcp"),
    # Windows
    **_all(Tool("command", language="powershell"), "powershell pwsh"),
    **_all(Tool("command", language="cmd"), "cmd"),
}  # fmt: skip
"""By name in lower case."""

_versioned = re.compile(
    r"^(bash|computer|memory|text_editor|code_execution|shell|web_search|web_fetch"
    r"|web_search_preview)_20(\d{6}|\d\d_\d\d_\d\d)$"
).match
_VERSIONED = {
    **_all(_WRITE, "text_editor memory"),
    **_all(_WEB, "web_search web_search_preview"),
    "web_fetch": _NET,
}
_BY_MEANING: tuple[tuple[Meaning, Category], ...] = (
    ("script", "command"), ("argv", "command"), ("code", "command"), ("patch", "file_write"),
    ("sql", "state"), ("url", "network"), ("path", "file_read"),
)  # fmt: skip
_writes = re.compile(
    r"write|edit|create|delete|remove|move|rename|replace|append|patch|save|upload|put|mkdir|insert"
).search
_WRITTEN = frozenset(
    "content contents file_text new_string new_str new_text old_string old_str text_to_insert"
    " edits replacement insert_text".split()
)
_READING = frozenset(("view", "read", "list", "ls"))


def tool_of(name: str) -> Tool | None:
    """The row for a name, with the versions that Anthropic's tool types carry."""
    lowered = name.lower()
    found = TOOLS.get(lowered)
    if found is None:
        versioned = _versioned(lowered)
        if versioned is not None:
            found = _VERSIONED.get(versioned[1], _SHELL)
    return found


_shells = re.compile(
    r"shell|bash|terminal|command|cmd|console|(?:^|_)(?:exec|execute|run|sh|ssh)$"
).search


def is_shell(name: str) -> bool:
    """Whether a tool that nobody listed runs what it is given, by its name."""
    return _shells(name.lower()) is not None


def is_mcp(name: str) -> bool:
    """`mcp__server__tool`, as Claude Code, Codex and gemini-cli call them."""
    return name.startswith(("mcp__", "mcp_"))


def category_of(
    name: str, keys: Iterable[str], meanings: Iterable[Meaning], verb: str | None
) -> Category:
    """What a call does; `verb` is the command of an editor that has several."""
    tool = tool_of(name)
    if tool is not None:
        if tool.category == "file_write" and verb in _READING:
            return "file_read"
        return tool.category
    if is_mcp(name):
        return "mcp"
    found = set(meanings)
    for meaning, category in _BY_MEANING:
        if meaning in found:
            if category == "file_read" and (_writes(name.lower()) or _WRITTEN.intersection(keys)):
                return "file_write"
            return category
    return "unknown"
