"""Repositories: a run is pushed to the Hub, and its files are pulled from there. Nothing that is pulled runs code."""

import contextlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from isthmus.errors import RunError
from isthmus.extras import needs
from isthmus.storage.run_folder import CHECKPOINT, NAMES, REPORT
from isthmus.trained import TrainedModel
from isthmus.undisturbed import undisturbed

FILES = tuple(name for name in NAMES if name not in (CHECKPOINT, REPORT))
"""The files of a run that are pushed and pulled: safetensors and JSON."""
_ADDRESS = re.compile(r"hf:/{1,2}(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?/?")


def address(place: Any) -> tuple[str, str | None] | None:
    """The repository and the revision of `hf://name/repo` or `hf://name/repo@revision`; None for any other place.

    >>> address("hf://me/digits@v1"), address("runs/digits")
    (('me/digits', 'v1'), None)

    Raises:
        RunError: it begins with hf:// but names no repository.
    """
    text = str(place)
    if not text.startswith("hf:/"):
        return None
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise RunError(f"{text} is no address on the Hub: expected hf://name/repo or hf://name/repo@revision.")
    return found["repo"], found["revision"]


def push(
    run: TrainedModel,
    publish: Callable[[Path], Path],
    repo: str,
    *,
    private: bool | None,
    token: str | None,
    licence: str | None,
    pictures: bool,
    message: str,
) -> str:
    """Write a run and its card into the repository, in one commit, and return its address on the web.

    publish: writes the run's files into a folder. The others: see `Run.push_to_hub`.

    Raises:
        RunError: the Hub refuses, or can't be reached.
    """
    from isthmus.hub.card import write_card  # noqa: PLC0415 Matplotlib takes half a second and 50 MB

    api = _hub().HfApi(endpoint=_endpoint(), token=token, library_name="isthmus")
    with tempfile.TemporaryDirectory(prefix="isthmus-") as made, _explained(repo, "pushed to"):
        api.create_repo(repo, private=private, exist_ok=True)  # first, so that a wrong token or name is found at once
        folder = publish(Path(made) / "run")
        for file in folder.iterdir():
            if file.name not in FILES:
                file.unlink()
        write_card(run, folder, repo, licence=licence, pictures=pictures)
        api.upload_folder(
            repo_id=repo,
            folder_path=folder,
            commit_message=message,
            delete_patterns=[*FILES, "*.png"],  # of an earlier push, where this one has them no more
        )
    return f"{_endpoint()}/{repo}"


def pull(repo: str, revision: str | None = None, token: str | None = None) -> Path:
    """The folder with a run's files from the repository; they are downloaded once, into the Hub's own cache.

    Raises:
        RunError: there is no such repository or revision, you have no access, or the Hub can't be reached.
    """
    with _explained(repo, "loaded from"):
        folder = _hub().snapshot_download(
            repo,
            revision=revision,
            token=token,
            allow_patterns=list(FILES),
            endpoint=_endpoint(),
            library_name="isthmus",
            tqdm_class=_silent(),
        )
    return Path(folder)


def _hub() -> Any:
    with undisturbed():
        return needs("huggingface_hub", "hub", "The Hugging Face Hub")


def _endpoint() -> str:
    """The Hub's address; HF_ENDPOINT names another one."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def _silent() -> Any:
    """A progress bar that shows nothing."""
    from huggingface_hub.utils import tqdm  # noqa: PLC0415

    class Silent(tqdm):
        def __init__(self, *given: Any, **words: Any) -> None:
            super().__init__(*given, **words | {"disable": True})

    return Silent


@contextlib.contextmanager
def _explained(repo: str, done: str) -> Iterator[None]:
    """Turn an error of the Hub into one line with the cause and what to do."""
    from huggingface_hub import errors  # noqa: PLC0415

    start = f"The run can't be {done} {repo} on {_endpoint()}"
    try:
        yield
    except errors.GatedRepoError as error:
        raise RunError(
            f"{start}: you must accept its terms first. Open its page, and log in: hf auth login."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise RunError(f"{start}: it has no such revision. Its page lists branches and tags.") from error
    except errors.RepositoryNotFoundError as error:
        raise RunError(
            f"{start}: there is none of this name, or you have no access to it. Check the name, or log in: hf auth "
            "login, or token=…."
        ) from error
    except errors.HFValidationError as error:
        raise RunError(f"{start}: {repo!r} is no name of a repository: expected name/repo.") from error
    except Exception as error:
        causes = [cause for cause in (error, error.__cause__, error.__context__) if cause is not None]
        for cause in causes:
            if isinstance(cause, errors.HfHubHTTPError):
                code = getattr(cause.response, "status_code", None)
                advice = "your token has no access. Log in: hf auth login, or give token=…."
                reason = advice if code in (401, 403) else f"the server answers {code}. Try again later."
                raise RunError(f"{start}: {reason}") from error
        if any(_unreachable(cause) for cause in causes):
            raise RunError(f"{start}: the server can't be reached. Check your connection.") from error
        raise


def _unreachable(error: BaseException) -> bool:
    """Whether an error means that a server doesn't answer."""
    return isinstance(error, OSError) or type(error).__module__.startswith(("httpx", "httpcore", "requests", "urllib3"))
