{{/* Groups of one file of rules, as an object with a list `groups`, with the values' links and labels in its alerts. */}}
{{- define "chatprobe.groups" -}}
{{- $settings := .settings -}}
{{- range .groups -}}
{{- range .rules -}}
{{- if .alert -}}
{{- $annotations := .annotations -}}
{{- if $settings.grafanaUrl -}}
{{- $_ := set $annotations "dashboard_url" (printf "%s%s" (trimSuffix "/" $settings.grafanaUrl) $annotations.dashboard) -}}
{{- end -}}
{{- $_ := set $annotations "runbook_url" (printf "%s/%s" (trimSuffix "/" $settings.runbooksUrl) (base (toString $annotations.runbook_url))) -}}
{{- $_ := set . "labels" (merge (dict) (.labels | default dict) $settings.alertLabels) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml .groups -}}
{{- end -}}
