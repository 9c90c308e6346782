{{/* Rules for discovery, for the ways that are preferred. A rule for a kind that the cluster does not have would keep whoever may not grant it from
installing, so those stand under a switch. */}}
{{- define "chatprobe.discoveryRules" -}}
{{- $apis := .Capabilities.APIVersions -}}
{{- $ways := include "chatprobe.ways" . | fromJsonArray -}}
- {apiGroups: [""], resources: [services], verbs: [list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
{{- if include "chatprobe.wanted" (list .Values.rbac.inferenceServices ($apis.Has "serving.kserve.io/v1beta1")) }}
- {apiGroups: [serving.kserve.io], resources: [inferenceservices], verbs: [list, watch]}
{{- end }}
{{- if include "chatprobe.wanted" (list .Values.rbac.llmInferenceServices ($apis.Has "serving.kserve.io/v1alpha1/LLMInferenceService")) }}
- {apiGroups: [serving.kserve.io], resources: [llminferenceservices], verbs: [list, watch]}
{{- end }}
{{- if and (has "route" $ways) (include "chatprobe.wanted" (list .Values.rbac.routes ($apis.Has "route.openshift.io/v1"))) }}
- {apiGroups: [route.openshift.io], resources: [routes], verbs: [list, watch]}
{{- end }}
{{- if has "ingress" $ways }}
- {apiGroups: [networking.k8s.io], resources: [ingresses], verbs: [list, watch]}
{{- if include "chatprobe.wanted" (list .Values.rbac.gateways ($apis.Has "gateway.networking.k8s.io/v1")) }}
- {apiGroups: [gateway.networking.k8s.io], resources: [httproutes, gateways], verbs: [list, watch]}
{{- end }}
{{- end }}
{{- end -}}
