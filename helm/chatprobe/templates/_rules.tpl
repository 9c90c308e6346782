{{/* Groups of one file of rules, as an object with a list `groups`, with the values' links and labels in its alerts. */}}
{{- define "chatprobe.groups" -}}
{{- $settings := .settings -}}
{{- range .groups -}}
{{- range .rules -}}
{{- if .alert -}}
{{- $annotations := .annotations -}}
{{- if not $settings.grafanaUrl -}}{{- $_ := unset $annotations "dashboard_url" -}}{{- end -}}
{{- range $key, $text := $annotations -}}
{{- if eq $key "dashboard_url" -}}
{{- $_ := set $annotations $key (regexReplaceAllLiteral "^https?://[^/]+" $text (trimSuffix "/" $settings.grafanaUrl)) -}}
{{- else if eq $key "runbook_url" -}}
{{- $_ := set $annotations $key (printf "%s/%s" (trimSuffix "/" $settings.runbooksUrl) (base $text)) -}}
{{- end -}}
{{- end -}}
{{- $_ := set . "labels" (merge (dict) (.labels | default dict) $settings.alertLabels) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml .groups -}}
{{- end -}}
