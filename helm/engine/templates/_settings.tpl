{{- /* What the values mean, where several of them bear on one thing. */ -}}

{{- /* Whether an object is wanted that not every cluster knows. Takes {setting: auto|true|false, api, root}; "true" or nothing. */ -}}
{{- define "engine.wanted" -}}
{{- if eq (toString .setting) "auto" -}}
{{- if .root.Capabilities.APIVersions.Has .api }}true{{ end -}}
{{- else if .setting -}}
true
{{- end -}}
{{- end }}

{{- define "engine.claimName" -}}
{{- default (include "engine.fullname" .) .root.Values.persistence.existingClaim -}}
{{- end }}

{{- /* A quantity of bytes as a number. */ -}}
{{- define "engine.bytes" -}}
{{- $powers := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- $number := regexFind "^[0-9.]+" (toString .) -}}
{{- $unit := trimPrefix $number (toString .) -}}
{{- if not (hasKey $powers $unit) -}}
{{- fail (printf "%v is no quantity of bytes; a number and one of Ki, Mi, Gi and Ti" .) -}}
{{- end -}}
{{- mulf (float64 $number) (get $powers $unit) | int64 -}}
{{- end }}

{{- /* CPU, memory and GPUs. Kubernetes counts what lies in /dev/shm as memory of the container. */ -}}
{{- define "engine.resources" -}}
{{- $values := .root.Values -}}
{{- $resources := deepCopy $values.resources -}}
{{- if $values.gpu.count -}}
{{- range list "requests" "limits" -}}
{{- $_ := set $resources . (merge (dict $values.gpu.resource $values.gpu.count) (default dict (get $resources .))) -}}
{{- end -}}
{{- end -}}
{{- $memory := dig "limits" "memory" "" $resources -}}
{{- if and $memory $values.shm -}}
{{- if ge (include "engine.bytes" $values.shm.sizeLimit | int64) (include "engine.bytes" $memory | int64) -}}
{{- fail (printf "shm.sizeLimit %s leaves nothing of resources.limits.memory %v, which counts it; a higher limit, or a smaller /dev/shm" $values.shm.sizeLimit $memory) -}}
{{- end -}}
{{- end -}}
{{ toYaml $resources }}
{{- end }}

{{- define "engine.startupSeconds" -}}
{{- $startup := .root.Values.probes.startup -}}
{{- mul $startup.periodSeconds $startup.failureThreshold -}}
{{- end }}

{{- /* How long a rollout may take: to start, and before that to pull the image and, where that is done before, the model. */ -}}
{{- define "engine.progressDeadlineSeconds" -}}
{{- $startup := include "engine.startupSeconds" . | int -}}
{{- $given := .root.Values.progressDeadlineSeconds -}}
{{- if and $given (lt (int $given) $startup) -}}
{{- fail (printf "progressDeadlineSeconds %d is less than the %d s that probes.startup allows; more, or leave it out" (int $given) $startup) -}}
{{- end -}}
{{- default (add $startup 1800) $given | int -}}
{{- end }}

{{- /* Pods of engines keep away from each other, whichever release they are of. What `affinity` says wins. */ -}}
{{- define "engine.affinity" -}}
{{- $values := .root.Values -}}
{{- $engines := dict "matchLabels" (dict "chatprobe.io/engine-group" $values.antiAffinity.group) -}}
{{- $term := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" $engines -}}
{{- $preset := dict -}}
{{- if eq $values.antiAffinity.mode "hard" -}}
{{- $preset = dict "podAntiAffinity" (dict "requiredDuringSchedulingIgnoredDuringExecution" (list $term)) -}}
{{- else if eq $values.antiAffinity.mode "soft" -}}
{{- $preset = dict "podAntiAffinity" (dict "preferredDuringSchedulingIgnoredDuringExecution" (list (dict "weight" 100 "podAffinityTerm" $term))) -}}
{{- end -}}
{{- with mergeOverwrite $preset (deepCopy $values.affinity) -}}
{{ toYaml . }}
{{- end -}}
{{- end }}

{{- define "engine.tolerations" -}}
{{- $values := .root.Values -}}
{{- $tolerations := $values.tolerations -}}
{{- if and $values.gpu.count $values.gpu.taint -}}
{{- $tolerations = append $tolerations (dict "key" $values.gpu.taint "operator" "Exists" "effect" "NoSchedule") -}}
{{- end -}}
{{- with $tolerations -}}
{{ toYaml . }}
{{- end -}}
{{- end }}

{{- define "engine.requiredScc" -}}
{{- if and .root.Values.requiredScc (.root.Capabilities.APIVersions.Has "security.openshift.io/v1") -}}
openshift.io/required-scc: {{ .root.Values.requiredScc | quote }}
{{- end -}}
{{- end }}

{{- define "engine.podAnnotations" -}}
{{- $values := .root.Values -}}
{{- $annotations := include "engine.requiredScc" . | fromYaml -}}
{{- with .parts.files -}}
{{- $_ := set $annotations "checksum/files" (toYaml . | sha256sum) -}}
{{- end -}}
{{- with mergeOverwrite $annotations (deepCopy $values.podAnnotations) -}}
{{ toYaml . }}
{{- end -}}
{{- end }}

{{- define "engine.pullSecrets" -}}
{{- with concat (dig "imagePullSecrets" list (default dict .root.Values.global)) .root.Values.imagePullSecrets | uniq -}}
imagePullSecrets:
{{- range . }}
  - name: {{ . | quote }}
{{- end }}
{{- end -}}
{{- end }}
