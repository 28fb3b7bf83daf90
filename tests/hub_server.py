"""A stand-in of the Hugging Face Hub: the endpoints that `huggingface_hub` uses to push and to pull, in memory."""

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "hf_right"


class StandIn:
    """The server, and its repositories: name → file → bytes."""

    def __init__(self):
        self.repos, self.private, self.objects, self.commits = {}, {}, {}, []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Asked", (Asked,), {"hub": self}))
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def commit(self, repo, lines):
        files = self.repos[repo]
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                self.commits.append(value["summary"])
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.objects[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]

    def sha(self, repo):
        return hashlib.sha1(repr(sorted(self.repos[repo].items())).encode()).hexdigest()


class Asked(BaseHTTPRequestHandler):
    """One request."""

    hub: StandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):
        pass

    def answer(self, value=None, code=200, body=None, **headers):
        body = json.dumps(value).encode() if body is None else body
        self.send_response(code)
        for name, text in {"Content-Length": str(len(body)), "Content-Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_POST(self):
        path, hub = urlsplit(self.path).path, self.hub
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.answer({"error": "Invalid token"}, 401)
        if path == "/api/validate-yaml":
            return self.answer({"errors": [], "warnings": []})
        if path == "/api/repos/create":
            asked = json.loads(raw)
            repo = "/".join(filter(None, (asked.get("organization"), asked["name"])))
            if repo in hub.repos:
                return self.answer({"url": f"{hub.address}/{repo}"}, 409)
            private = asked.get("private") or asked.get("visibility") == "private"  # of older and newer clients
            hub.repos[repo], hub.private[repo] = {".gitattributes": b""}, private
            return self.answer({"url": f"{hub.address}/{repo}"})
        if path.endswith("/info/lfs/objects/batch"):
            objects = json.loads(raw)["objects"]
            made = [one | {"actions": {"upload": {"href": f"{hub.address}/upload/{one['oid']}"}}} for one in objects]
            return self.answer({"transfer": "basic", "objects": made})
        _, _, _, owner, name, what, *_ = path.split("/")
        repo = f"{owner}/{name}"
        if what == "preupload":
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith((".safetensors", ".png")) else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(raw)["files"]
            ]
            return self.answer({"files": files})
        assert what == "commit", path
        hub.commit(repo, [json.loads(line) for line in raw.splitlines() if line])
        sha = hub.sha(repo)
        return self.answer({"commitOid": sha, "commitUrl": f"{hub.address}/{repo}/commit/{sha}"})

    def do_PUT(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        oid = self.path.rpartition("/")[2]
        assert hashlib.sha256(data).hexdigest() == oid
        self.hub.objects[oid] = data
        self.answer({})

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path, hub = unquote(urlsplit(self.path).path), self.hub
        words = path.strip("/").split("/")
        repo = "/".join(words[2:4] if words[0] == "api" else words[:2])
        hidden = hub.private.get(repo) and self.headers.get("Authorization") != f"Bearer {TOKEN}"
        if repo not in hub.repos or hidden:
            return self.answer({"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")
        files, sha = hub.repos[repo], hub.sha(repo)
        revision = words[5] if words[0] == "api" and len(words) > 5 else words[3] if words[0] != "api" else "main"
        if revision not in ("main", sha):
            return self.answer({"error": "Invalid rev"}, 404, X_Error_Code="RevisionNotFound")
        if words[0] == "api" and "tree" in words:
            return self.answer([
                {"type": "file", "path": file, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                for file, data in files.items()
            ])  # fmt: skip
        if words[0] == "api":
            return self.answer({"id": repo, "sha": sha, "siblings": [{"rfilename": file} for file in files]})
        file = "/".join(words[4:])
        if file not in files:
            return self.answer({"error": "Entry not found"}, 404, X_Error_Code="EntryNotFound")
        etag = hashlib.sha256(files[file]).hexdigest()
        return self.answer(body=files[file], X_Repo_Commit=sha, ETag=f'"{etag}"')
