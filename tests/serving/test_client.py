"""docker/serving: the client against a stand-in for TensorFlow Serving."""

import base64
import http.server
import importlib.util
import json
import pathlib
import threading

import pytest
import tensorflow as tf

from kerastricks.run_dir import RunDir

FOLDER = pathlib.Path(__file__).parents[2] / "docker" / "serving"


@pytest.fixture(scope="module")
def client():
    spec = importlib.util.spec_from_file_location(
        "serving_client", FOLDER / "client.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def serve():
    """Starts a server of (path, JSON) -> (status, JSON); gives its address."""
    servers = []

    def start(answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                size = int(self.headers["Content-Length"])
                status, content = answer(
                    self.path, json.loads(self.rfile.read(size))
                )
                body = (
                    content
                    if isinstance(content, bytes)
                    else json.dumps(content).encode()
                )
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def as_serving_does(folder):
    """TensorFlow Serving's REST rules, over the SavedModel itself.

    An input whose name ends in _bytes is {"b64": ...}; instances become one
    batch; each prediction has a row of every output.
    """
    signatures = tf.saved_model.load(str(folder)).signatures

    def answer(path, body):
        assert path == "/v1/models/colours:predict"
        run = signatures[body["signature_name"]]
        (name,) = body["instances"][0]
        assert name.endswith("_bytes")
        rows = [base64.b64decode(one[name]["b64"]) for one in body["instances"]]
        found = {
            key: value.numpy().tolist()
            for key, value in run(**{name: tf.constant(rows)}).items()
        }
        found["top_k_classes"] = [
            [label.decode() for label in row] for row in found["top_k_classes"]
        ]
        return 200, {
            "predictions": [
                {key: value[i] for key, value in found.items()}
                for i in range(len(rows))
            ]
        }

    return answer


def test_names_and_probabilities(finished, image_folder, client, serve, capsys):
    url = serve(as_serving_does(RunDir(finished.run_dir).saved_model))
    files = [
        str(image_folder / "val" / name / "03.jpg") for name in ("green", "red")
    ]
    code = client.main([f"--url={url}/", "--model=colours", "--top=1", *files])
    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert lines[::2] == files
    for line, name in zip(lines[1::2], ("green", "red"), strict=True):
        share, found = line.split("%")
        assert found.strip() == name and 50 < float(share) <= 100


@pytest.mark.parametrize(
    "status, content, message",
    [
        (404, {"error": "Servable not\nfound"}, "404 Servable not found"),
        (500, b"<html>oops", "500 <html>oops"),
        (200, b"not json", "gives no JSON"),
        (200, {"predictions": None}, "no predictions in the answer"),
        (200, {"predictions": []}, "0 answers to 1 pictures"),
        (200, {"predictions": [{"scores": []}]}, "no top_k_classes"),
    ],
)
def test_what_a_server_may_get_wrong(
    client, serve, capsys, tmp_path, status, content, message
):
    (tmp_path / "a.jpg").write_bytes(b"x")
    url = serve(lambda path, body: (status, content))
    assert client.main([f"--url={url}", str(tmp_path / "a.jpg")]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_nobody_is_there(client, capsys, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"x")
    file = str(tmp_path / "a.jpg")
    assert client.main(["--url=http://127.0.0.1:9", file]) == 1
    assert "is the server up?" in capsys.readouterr().err
    assert client.main(["--url=nonsense", file]) == 1
    assert capsys.readouterr().err.startswith("client: ")
    assert client.main([str(tmp_path / "b.jpg")]) == 2
    assert "b.jpg cannot be read (No such file" in capsys.readouterr().err


def test_compose_file_serves_versions(client):
    yaml = pytest.importorskip("yaml")
    text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
    service = yaml.safe_load(text)["services"]["serving"]
    assert "tensorflow/serving:" in service["image"]
    (volume,) = service["volumes"]
    assert volume.endswith(":/models/${MODEL_NAME:-classifier}:ro")
    assert service["ports"] == ["127.0.0.1:${REST_PORT:-8501}:8501"]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["read_only"] and service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    # The client's defaults fit it.
    options = client.parse(["x"])
    assert (options.url, options.model) == (
        "http://localhost:8501",
        "classifier",
    )
