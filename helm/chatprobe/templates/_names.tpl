{{- define "chatprobe.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Of a release that has the chart's name in it, the release's name is enough. */}}
{{- define "chatprobe.fullname" -}}
{{- $name := printf "%s-%s" .Release.Name (include "chatprobe.name" .) -}}
{{- if .Values.fullnameOverride -}}
{{- $name = .Values.fullnameOverride -}}
{{- else if contains (include "chatprobe.name" .) .Release.Name -}}
{{- $name = .Release.Name -}}
{{- end -}}
{{- $name = $name | trunc 50 | trimSuffix "-" -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- fail (printf "%s is no name for a Service, which begins with a letter and has letters, digits and - only; name the release so, or set fullnameOverride" $name) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{- define "chatprobe.selectorLabels" -}}
app.kubernetes.io/name: {{ include "chatprobe.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* Of pods: nothing that changes with the chart's version, which would restart them. */}}
{{- define "chatprobe.podLabels" -}}
{{ include "chatprobe.selectorLabels" . }}
app.kubernetes.io/component: prober
app.kubernetes.io/part-of: chatprobe
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "chatprobe.labels" -}}
{{ include "chatprobe.podLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" | quote }}
{{- end -}}

{{- define "chatprobe.pullSecrets" -}}
{{- range concat (dig "imagePullSecrets" list (default dict .Values.global)) .Values.imagePullSecrets | uniq }}
- name: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "chatprobe.requiredScc" -}}
{{- if and .Values.requiredScc (.Capabilities.APIVersions.Has "security.openshift.io/v1") -}}
openshift.io/required-scc: {{ .Values.requiredScc | quote }}
{{- end -}}
{{- end -}}

{{- define "chatprobe.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "chatprobe.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "chatprobe.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Given a list of a switch (auto, true, false) and whether the cluster has the kind: `true`, or nothing. */}}
{{- define "chatprobe.wanted" -}}
{{- $switch := toString (index . 0) -}}
{{- if or (eq $switch "true") (and (eq $switch "auto") (index . 1)) -}}true{{- end -}}
{{- end -}}

{{- define "chatprobe.monitored" -}}
{{- include "chatprobe.wanted" (list .Values.serviceMonitor.enabled (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1")) -}}
{{- end -}}

{{- define "chatprobe.ruled" -}}
{{- include "chatprobe.wanted" (list .Values.prometheusRule.enabled (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1")) -}}
{{- end -}}
