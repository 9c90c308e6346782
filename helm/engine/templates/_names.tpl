{{- /* Names, labels, images. */ -}}

{{- /* A release named like the engine gives its objects that name. One that merely contains it does not: `vllm-vs-tgi` would name both engines alike. */ -}}
{{- define "engine.fullname" -}}
{{- $values := .root.Values -}}
{{- $name := default .engine $values.nameOverride -}}
{{- if $values.fullnameOverride -}}
{{- $name = $values.fullnameOverride -}}
{{- else if ne $name .root.Release.Name -}}
{{- $name = printf "%s-%s" .root.Release.Name $name -}}
{{- end -}}
{{- $name = $name | trunc 63 | trimSuffix "-" -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- fail (printf "%s is no name for a Service, which begins with a letter and has letters, digits and - only; name the release so, or set fullnameOverride" $name) -}}
{{- end -}}
{{- $name -}}
{{- end }}

{{- /* What a Deployment and a Service select pods by: it can never change. */ -}}
{{- define "engine.selectorLabels" -}}
app.kubernetes.io/name: {{ default .engine .root.Values.nameOverride | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
{{- end }}

{{- /* Of pods: nothing that changes with the chart's version, which would restart them, and have them load their model again. */ -}}
{{- define "engine.podLabels" -}}
{{ include "engine.selectorLabels" . }}
app: {{ .engine | quote }}
app.kubernetes.io/component: inference
app.kubernetes.io/part-of: {{ .root.Values.partOf | quote }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "engine.labels" -}}
{{ include "engine.podLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .engine .root.Chart.Version | replace "+" "_" | quote }}
{{- end }}

{{- define "engine.metadata" -}}
name: {{ include "engine.fullname" . | quote }}
labels:
  {{- include "engine.labels" . | nindent 2 }}
{{- end }}

{{- define "engine.serviceAccountName" -}}
{{- $account := .root.Values.serviceAccount -}}
{{- if $account.create -}}
{{- default (include "engine.fullname" .) $account.name -}}
{{- else -}}
{{- default "default" $account.name -}}
{{- end -}}
{{- end }}

{{- /* An image by its digest where there is one, else by its tag. Takes {image, version}. */ -}}
{{- define "engine.image" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" .image.repository (default .version .image.tag) -}}
{{- end -}}
{{- end }}
