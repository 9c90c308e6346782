"""Serves a GGUF file by llama.cpp's own HTTP server: python serve.py FILE.gguf PORT

The file is the model `tiny`, with four slots of 2,048 tokens each, and `/metrics` is turned on.
"""

import signal
import sys

import xllamacpp

path, port = sys.argv[1], int(sys.argv[2])
params = xllamacpp.CommonParams()
params.model.path = path
params.model_alias = {"tiny"}
params.hostnames = ["127.0.0.1"]
params.port = port
params.n_ctx = 8192
params.n_parallel = 4
params.endpoint_metrics = True
# two threads wait for each other with busy loops: on a machine that is shared a token then takes a third of a second (seen)
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
print("llama.cpp listens at", server.listening_address, flush=True)
signal.pause()
