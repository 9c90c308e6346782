{{/* chatprobe's configuration: that of the values, in which discovery looks into the release's own namespace unless it names others. */}}
{{- define "chatprobe.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- with (dig "discovery" "kubernetes" nil $config) -}}
{{- if not .namespaces -}}{{- $_ := set . "namespaces" (list $.Release.Namespace) -}}{{- end -}}
{{- end -}}
{{- if .Values.tls.secret -}}{{- $_ := set $config.web "config_file" "/etc/chatprobe/web.yaml" -}}{{- end -}}
{{- if .Values.history.persistence.enabled -}}{{- $_ := set $config "history" (merge (dict "path" "/var/lib/chatprobe/history.sqlite") $config.history) -}}{{- end -}}
{{- if not $config.targets -}}{{- $config = omit $config "targets" -}}{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* The namespaces that discovery looks into, as a list in JSON; empty where it does not look. */}}
{{- define "chatprobe.namespaces" -}}
{{- $config := include "chatprobe.config" . | fromYaml -}}
{{- toJson (dig "discovery" "kubernetes" "namespaces" list $config) -}}
{{- end -}}

{{/* The ways to a discovered engine that are preferred, as a list in JSON; where the values say none, chatprobe takes all. */}}
{{- define "chatprobe.ways" -}}
{{- .Values.config.discovery.kubernetes.prefer | default (list "route" "ingress" "nodeport" "service") | toJson -}}
{{- end -}}

{{- define "chatprobe.port" -}}
{{- regexFind "[0-9]+$" .Values.config.web.listen -}}
{{- end -}}

{{/* `true` where the API server is asked: for engines, for the lease, or for who somebody is. */}}
{{- define "chatprobe.asksCluster" -}}
{{- if or (ne (include "chatprobe.namespaces" .) "[]") (gt (int .Values.replicas) 1) .Values.config.web.kubernetes_auth -}}true{{- end -}}
{{- end -}}

{{/* `true` where the SLOs, and the scenarios whose chats they count, are those that the chart's rules were made for. */}}
{{- define "chatprobe.slosAreTheCharts" -}}
{{- $preset := .Files.Get "files/default.yaml" | fromYaml -}}
{{- $made := dict -}}
{{- $counted := dict -}}
{{- range $preset.slos -}}
{{- $_ := set $made .scenario (get $preset.scenarios .scenario) -}}
{{- $_ := set $counted .scenario (get $.Values.config.scenarios .scenario) -}}
{{- end -}}
{{- if eq (toJson (list $made $preset.slos)) (toJson (list $counted .Values.config.slos)) -}}true{{- end -}}
{{- end -}}

{{/* Fails where the dashboards and rules are not in the chart: they are symbolic links in its folder, which Helm follows, and not every copy does. */}}
{{- define "chatprobe.linked" -}}
{{- if not (and (.Files.Glob "files/dashboards/*.json") (.Files.Glob "files/rules/*.rules.yaml")) -}}
{{- fail "files: this copy of the chart has no dashboards and rules, as its symbolic links were not kept; take the whole clone, or the packaged chart of a release" -}}
{{- end -}}
{{- end -}}
