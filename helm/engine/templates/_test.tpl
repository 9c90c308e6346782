{{- /* `helm test`: one chat, as a user has it. */ -}}
{{- define "engine.test" -}}
{{- $values := .root.Values -}}
{{- $parts := include (printf "%s.parts" .engine) .root | fromYaml -}}
{{- $secret := (default dict $values.apiKey).existingSecret -}}
{{- $key := ternary (list "--api-key-file" "/run/secrets/chatprobe/api-key") list (not (empty $secret)) -}}
{{- $url := printf "http://%s:%v" (include "engine.fullname" .) $parts.port -}}
apiVersion: v1
kind: Pod
metadata:
  name: {{ printf "%s-test" (include "engine.fullname" . | trunc 58 | trimSuffix "-") | quote }}
  labels:
    # Not those of the engine's pods, nor of a chatprobe in the same release: no Service may lead here.
    app.kubernetes.io/name: {{ printf "%s-test" .engine | quote }}
    app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
    app.kubernetes.io/component: test
    app.kubernetes.io/part-of: {{ .root.Values.partOf | quote }}
    app.kubernetes.io/managed-by: {{ .root.Release.Service | quote }}
    {{- with $values.commonLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    helm.sh/hook: test
    # Kept until the next test: `helm test --logs` reads what it said.
    helm.sh/hook-delete-policy: before-hook-creation
    {{- with include "engine.requiredScc" . }}
    {{- . | nindent 4 }}
    {{- end }}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with include "engine.pullSecrets" . }}
  {{- . | nindent 2 }}
  {{- end }}
  securityContext:
    {{- toYaml $values.podSecurityContext | nindent 4 }}
  containers:
    - name: chatprobe
      image: {{ include "engine.image" (dict "image" $values.test.image "version" .root.Chart.Version) | quote }}
      imagePullPolicy: IfNotPresent
      command:
        {{- concat (list "chatprobe" "probe" $url "--backend" .engine "--model" $parts.model "--max-tokens" "8") $key $parts.test | toYaml | nindent 8 }}
      env:
        - {name: HOME, value: /tmp}
      resources:
        {{- toYaml $values.test.resources | nindent 8 }}
      securityContext:
        {{- include "engine.containerSecurity" . | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        {{- if $secret }}
        - {name: api-key, mountPath: /run/secrets/chatprobe, readOnly: true}
        {{- end }}
  volumes:
    - {name: tmp, emptyDir: {sizeLimit: 64Mi}}
    {{- if $secret }}
    - {name: api-key, secret: {secretName: {{ $secret | quote }}, items: [{key: {{ $values.apiKey.key | quote }}, path: api-key}]}}
    {{- end }}
{{- end }}
