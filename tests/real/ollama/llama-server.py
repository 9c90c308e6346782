"""Stands in for the llama-server that Ollama starts: llama.cpp's own HTTP server out of PyPI's xllamacpp, with the flags that Ollama passes.

SHIM_LOAD_DELAY=N   seconds that a load takes longer    SHIM_FAIL=1   die while loading    (environment of `ollama serve`)
"""

import os
import sys
import time

args = sys.argv[1:]


def option(*names, default=None):
    return next((args[args.index(name) + 1] for name in names if name in args), default)


if "--list-devices" in args:
    print("Available devices:")
    sys.exit(0)
if "--model" not in args:  # Ollama looks for GPUs, and stops us
    print("system_info: n_threads = 2 | CPU : SSE3 = 1 |", file=sys.stderr, flush=True)
    time.sleep(60)
    sys.exit(0)
if os.environ.get("SHIM_FAIL"):
    print("error loading model: unable to allocate CPU buffer", file=sys.stderr, flush=True)
    sys.exit(1)
for _ in range(int(os.environ.get("SHIM_LOAD_DELAY", "0"))):
    print("loading", file=sys.stderr, flush=True)  # Ollama gives up on a load that says nothing
    time.sleep(1)

import xllamacpp  # noqa: E402

params = xllamacpp.CommonParams()
params.model.path = option("--model")
params.hostnames = ["127.0.0.1"]
params.port = int(option("--port"))
params.n_ctx = int(option("-c"))
params.n_parallel = int(option("-np"))
params.verbosity = 4  # Ollama reads the memory of the model from the log
params.offline = True
params.ctx_shift = "--context-shift" in args
params.n_keep = int(option("--keep", default="0"))
for name, field in (("-b", "n_batch"), ("-ub", "n_ubatch")):
    if option(name):
        setattr(params, field, int(option(name)))
threads = int(os.environ.get("SHIM_THREADS", "1"))  # one does not spin for others on a busy machine
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
if "--no-jinja" in args:
    params.use_jinja = False
if option("--chat-template"):
    params.chat_template = option("--chat-template")
params.embedding = "--embedding" in args
server = xllamacpp.Server(params)
print("server is listening on", server.listening_address, file=sys.stderr, flush=True)
while True:
    time.sleep(3600)
