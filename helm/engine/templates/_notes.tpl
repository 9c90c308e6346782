{{- define "engine.notes" -}}
{{- $values := .root.Values -}}
{{- $parts := include (printf "%s.parts" .engine) .root | fromYaml -}}
{{- $name := include "engine.fullname" . -}}
{{- $openshift := .root.Capabilities.APIVersions.Has "security.openshift.io/v1" -}}
{{ .engine }} serves {{ $parts.model }} at http://{{ $name }}.{{ .root.Release.Namespace }}.svc:{{ $parts.port }}

It is ready when it has the model: up to {{ div (include "engine.startupSeconds" . | int) 60 }} minutes. See how far it is, then chat with it once:

  kubectl -n {{ .root.Release.Namespace }} rollout status deployment/{{ $name }} --timeout={{ include "engine.progressDeadlineSeconds" . }}s
  helm -n {{ .root.Release.Namespace }} test {{ .root.Release.Name }} --logs
{{- if and (not $openshift) (not $values.podSecurityContext.runAsUser) }}

NOT OPENSHIFT: the image's own user may be root, which runAsNonRoot forbids, and a new volume belongs to root. Set both, for example:
  --set podSecurityContext.runAsUser=1000 --set podSecurityContext.fsGroup=1000
{{- end }}
{{- if include "engine.wanted" (dict "setting" $values.route.enabled "api" "route.openshift.io/v1" "root" .root) }}

A Route leads to it from outside the cluster, for requests of up to {{ $values.route.timeout }}:
  kubectl -n {{ .root.Release.Namespace }} get route {{ $name }}
{{- if not ((default dict $values.apiKey).existingSecret) }}
WHOEVER REACHES THE ROUTE CAN USE IT: it asks for no key.
{{- end }}
{{- end }}
{{- if $parts.metrics }}
{{- if include "engine.wanted" (dict "setting" $values.serviceMonitor.enabled "api" "monitoring.coreos.com/v1" "root" .root) }}

Its metrics are scraped by a ServiceMonitor. Where chatprobe relays them too (native.relay), set serviceMonitor.enabled=false: each would count twice.
{{- else }}

Its metrics are at {{ $parts.metrics }}; there is no ServiceMonitor ({{ if eq (toString $values.serviceMonitor.enabled) "auto" }}this cluster does not know them{{ else }}serviceMonitor.enabled{{ end }}).
{{- end }}
{{- end }}
{{- if and $values.persistence.enabled $values.persistence.keep (not $values.persistence.existingClaim) }}

`helm uninstall` leaves the volume with the model. To remove it too:
  kubectl -n {{ .root.Release.Namespace }} delete persistentvolumeclaim {{ $name }}
{{- end }}
{{- end }}
