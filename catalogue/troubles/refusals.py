"""What is refused before a chat is sent: of configurations, of what discovery finds, and of benchmark runs that cannot begin."""

from __future__ import annotations

from catalogue.troubles.trouble import Cause, Trouble

CONFIGURATION = (
    Trouble(
        "no-configuration",
        "no file was given, and none lies where one is looked for",
        "`there is no configuration; looked at …`",
        (
            Cause("there is none yet", "`chatprobe init` writes one to start from"),
            Cause("it lies elsewhere", "`--config FILE`, or `CHATPROBE_CONFIG`"),
        ),
    ),
    Trouble(
        "not-yaml",
        "the file is no YAML, or has something of YAML that means nothing in a configuration",
        "`is not YAML: …` with line and column; `is a tab`; `has a tag that means nothing here`",
        (
            Cause("a bracket or a quote is missing in this line or the one before", "correct the line"),
            Cause("text begins with a character that YAML uses: `*`, `!`, `%`, `@`, a backtick", "put it in quotes"),
            Cause("the file was caught half written", "nothing: `serve` tries again"),
        ),
    ),
    Trouble(
        "unknown-key",
        "a key is none that is known at this place",
        "`is no key here; did you mean …?`, or the list of those that there are",
        (
            Cause("a slip of the pen", "the key that is proposed"),
            Cause("it stands at the wrong place, mostly too far to the left or right", "look at the PATH in the message"),
            Cause("the configuration is for a newer chatprobe", "upgrade chatprobe first"),
        ),
    ),
    Trouble(
        "wrong-value",
        "a value is of another kind, without its unit, or out of range",
        "`is not a duration; write a number with its unit`, `is too small`, `is no value of this key; write …`",
        (
            Cause("the unit is missing", "`15s`, `100ms`, `99%`, `2/s`"),
            Cause("YAML reads it as something else: `no` is false, `1.10` is a number", "put it in quotes"),
        ),
    ),
    Trouble(
        "unknown-name",
        "a target, scenario, prompt set or receiver is named that does not exist",
        "`names a target that does not exist; did you mean …?`",
        (
            Cause("a slip of the pen, or it was renamed in one place only", "the name that is proposed"),
            Cause(
                "targets of discovery are not known by name yet",
                "nothing: `check` warns, and the scenario takes them when they come; a pattern like `team-*` takes all of a kind",
            ),
        ),
    ),
    Trouble(
        "secret-refused",
        "a key or certificate cannot be taken from where the configuration says",
        "`does not take the key itself`, `lies outside of the folders for secrets`, `names a variable that is not set`, `is empty`",
        (
            Cause("the key itself stands in the configuration", "`{file: PATH}` or `{env: NAME}`; change the key if others saw it"),
            Cause("the file lies elsewhere", "move it below `/run/secrets` or beside the configuration, or add its folder to `secret_dirs`"),
            Cause("the file may not be read, or the mount is not there yet", "owner and mode of the mount; it is tried again"),
            Cause("it has a line break, a blank or more than the key", "write the key alone, on one line"),
        ),
    ),
    Trouble(
        "placeholder",
        "a value still has a place for a variable, like `${HOST}`",
        "`holds a place for the variable HOST, which is not expanded here`",
        (Cause("nothing fills it in", "write the value itself, or fill it in before: `envsubst`, Helm; keys as `{env: NAME}`"),),
    ),
    Trouble(
        "contradiction",
        "two keys do not go together, or one is of no use without another",
        "`is set from api_key; leave out one of the two`, `has no effect without TLS`",
        (Cause("one of the two was meant", "take the other out, as the message says"),),
    ),
    Trouble(
        "reload-refused",
        "a running exporter refused a new configuration, and goes on with the one that it has",
        "`chatprobe_exporter_config_last_reload_successful` is 0; the log names the line",
        (
            Cause("the file has a mistake", "`chatprobe check FILE --against RUNNING` says what is wrong, and what the reload would change"),
            Cause("a secret cannot be read", "see `secret-refused`"),
        ),
    ),
)
"""Refusals of a configuration. Each message names FILE:LINE:COLUMN, the key, what is wrong and what would be right."""

DISCOVERY = (
    Trouble(
        "discovery-failing",
        "it could not be looked for targets; those that are known stay, and are chatted with",
        "`chatprobe_exporter_discovery_up` is 0; the log says which kind of object, and what would help",
        (
            Cause("a right is missing: `no right to … (403)`", "the Role and its binding; or leave the way that wants it out of `prefer`"),
            Cause("the API server is not reached", "network policies: 443 and 6443 must be open to chatprobe"),
            Cause("a file of targets has a mistake, or may not be read", "the line that the log names"),
        ),
    ),
    Trouble(
        "no-engine",
        "something was found, and no engine answers there",
        "`no engine answers there (…); label it chatprobe.io/backend, or mend the way`",
        (
            Cause("it is no engine, though the selector takes it", 'a narrower `selector`, or the annotation `chatprobe.io/probe: "false"`'),
            Cause("it still starts", "nothing: it is asked again"),
            Cause("it does not tell what it is", "the label `chatprobe.io/backend`"),
        ),
    ),
    Trouble(
        "no-way",
        "a Service is reached by none of the ways that `prefer` allows",
        "`is reached by none of …: …`, with the reason for each",
        (
            Cause("its Route or Ingress is for a path only, leads elsewhere, or is not admitted", "what the message says of each way"),
            Cause("the way that it has is not in `prefer`", "add it, like `prefer: [route, service]`"),
        ),
    ),
    Trouble(
        "inside-name",
        "a Route, Ingress or gateway has a host that is a name inside of the cluster, or may become one",
        "`has a host that is a name inside of the cluster`; the next way is taken",
        (Cause("its host has fewer than two dots, or ends like a Service's", "another host; or write the target under `targets`"),),
    ),
    Trouble(
        "address-refused",
        "an address is link-local, of a metadata service, loopback or multicast: discovered targets may not lead there",
        "`has EndpointSlices with an address that is refused`, or a chat that fails by `connect` with the address in its detail",
        (
            Cause("somebody points a Service or a name at it, perhaps to get at secrets", "find out who wrote it"),
            Cause("the engine does run there", "write it under `targets`: what you write yourself is trusted"),
        ),
    ),
    Trouble(
        "annotation-refused",
        "an annotation is not taken from a cluster: keys, headers, certificates, files and paths",
        "`annotation … is not taken from a cluster`",
        (Cause("the target needs a key", "`credentials` of the configuration, by namespace, name and host"),),
    ),
    Trouble(
        "name-taken",
        "another target has the name or the URL already",
        "`its name is taken already`, `its URL is that of … already`",
        (
            Cause("the same engine is in the configuration or in a file too", "take it out of one of the two"),
            Cause("two engines have one name", "the older one is kept; name the other anew"),
        ),
    ),
    Trouble(
        "too-many",
        "there are more targets than `limits.discovered_targets`; older ones come first",
        "`there are more than 200; raise limits.discovered_targets`",
        (
            Cause("the cluster has as many engines", "raise it; see what that costs in the page on capacity"),
            Cause("the selector takes too much", "a narrower one"),
        ),
    ),
    Trouble(
        "external-name",
        "a Service of type `ExternalName` leads anywhere, and is no target",
        "`is of type ExternalName, which leads anywhere`",
        (Cause("the engine is outside of the cluster", "write it under `targets` in the main configuration"),),
    ),
    Trouble(
        "no-scenario",
        "a target was discovered, and no scenario is for it",
        "`discovered, and in no scenario: …`",
        (Cause("each scenario names its targets", "add the name or a pattern, or leave `targets` out of one: it is for all then"),),
    ),
)
"""What discovery passes over, and why. `chatprobe discover` lists it, and the log and the status page have it too."""

BENCHMARKS = (
    Trouble(
        "cannot-be-chatted-with",
        "before a run each engine is asked for its health and gets one chat; with one that fails the run does not begin",
        "`vllm cannot be chatted with: REASON: …`, and exit code 2",
        (
            Cause("the engine is down, or the URL or key is wrong", "`chatprobe probe URL`, and `chatprobe explain REASON`"),
            Cause("the model is not in memory", "load it, or `load_model: true` in the configuration"),
            Cause("the others are to be measured all the same", "`--targets` without it"),
        ),
    ),
    Trouble(
        "no-target",
        "there is nothing to measure",
        "`there is no target; give --target NAME=URL`",
        (Cause("no configuration was found", "`--target vllm=http://127.0.0.1:8000`, or `--config FILE`"),),
    ),
    Trouble(
        "too-short",
        "the duration leaves less than 5 s for each block",
        "`… are too short for 3 levels in 5 rounds with 2 targets`, with the duration that would do",
        (
            Cause(
                "there are many levels, rounds or targets that share hardware", "a longer `--duration`, or fewer of them; `--dry-run` shows the plan"
            ),
        ),
    ),
    Trouble(
        "extra-missing",
        "the command needs packages that are not installed",
        "`install chatprobe[bench] in place of chatprobe`",
        (Cause("chatprobe was installed without the extra", "`pip install 'chatprobe[bench]'`"),),
    ),
    Trouble(
        "no-summary",
        "a run has no summary that this version can read",
        "`has no summary; …`",
        (
            Cause("it was killed or stopped at once", "`chatprobe results reprocess RUN` makes one of what was measured"),
            Cause("another version of chatprobe wrote it", "the same"),
        ),
    ),
)
"""Why a benchmark run did not begin, or has nothing to show."""
