{{/* The name of everything of this release, which is a Service's, too. */}}
{{- define "rosey.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $found := printf "%s-%s" .Release.Name $name -}}
{{- if .Values.fullnameOverride -}}
{{- $found = .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- $found = .Release.Name -}}
{{- end -}}
{{- $found = $found | trunc 40 | trimSuffix "-" -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $found) -}}
{{- fail (printf "%s: no Service can have this name (a-z, 0-9 and -, a letter first): set fullnameOverride" $found) -}}
{{- end -}}
{{- $found -}}
{{- end -}}

{{/* What selects a component's pods: (list $ "bot"). It never changes, since a Deployment's selector cannot. */}}
{{- define "rosey.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ default $root.Chart.Name $root.Values.nameOverride | quote }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* The same as a text: (list $ "bot"). */}}
{{- define "rosey.selectorText" -}}
{{- $pairs := list -}}
{{- range $label, $value := include "rosey.selector" . | fromYaml -}}
{{- $pairs = append $pairs (printf "%s=%s" $label $value) -}}
{{- end -}}
{{- join "," $pairs -}}
{{- end -}}

{{/* Metadata of an object: (list $ "bot" $name), with annotations as a fourth and labels as a fifth. */}}
{{- define "rosey.metadata" -}}
{{- $root := index . 0 -}}
{{- $annotations := dict -}}
{{- $labels := dict -}}
{{- if gt (len .) 3 -}}
{{- $annotations = index . 3 -}}
{{- end -}}
{{- if gt (len .) 4 -}}
{{- $labels = index . 4 -}}
{{- end -}}
name: {{ index . 2 }}
namespace: {{ $root.Release.Namespace | quote }}
labels:
  {{- include "rosey.selector" (list $root (index . 1)) | nindent 2 }}
  app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ $root.Release.Service }}
  helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
  {{- with merge (dict) $labels $root.Values.commonLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) $annotations $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A pod template's metadata: (list $ "bot" $component $annotations). */}}
{{- define "rosey.podMetadata" -}}
{{- $root := index . 0 -}}
{{- $component := index . 2 -}}
labels:
  {{- include "rosey.selector" (list $root (index . 1)) | nindent 2 }}
  {{- with merge (dict) ($component.podLabels | default dict) $root.Values.commonLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (index . 3) ($component.podAnnotations | default dict) $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A pod's fields that every component has: (list $ $component), with a service account of its own as a third. */}}
{{- define "rosey.pod" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
serviceAccountName: {{ if gt (len .) 2 }}{{ index . 2 }}{{ else }}{{ include "rosey.serviceAccountName" $root }}{{ end }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- toYaml $root.Values.podSecurityContext | nindent 2 }}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if hasKey $component "terminationGracePeriodSeconds" }}
terminationGracePeriodSeconds: {{ $component.terminationGracePeriodSeconds }}
{{- end }}
{{- range $field := list "nodeSelector" "affinity" "tolerations" "topologySpreadConstraints" }}
{{- with index $component $field }}
{{ $field }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with $component.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* The token of a pod that asks Kubernetes for something, as a volume and as a mount. */}}
{{- define "rosey.tokenVolume" -}}
- name: token
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 7200}
      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
      - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
{{- end -}}
{{- define "rosey.tokenMount" -}}
- {name: token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- end -}}

{{/* A container's fields that every component has: (list $ $component). */}}
{{- define "rosey.container" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
image: {{ include "rosey.image" . }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
securityContext:
  {{- toYaml $root.Values.containerSecurityContext | nindent 2 }}
resources:
  {{- toYaml $component.resources | nindent 2 }}
{{- with $component.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* An image's address: (list $ $component). A digest decides where both are given. */}}
{{- define "rosey.image" -}}
{{- $root := index . 0 -}}
{{- $image := (index . 1).image -}}
{{- with $root.Values.image.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest -}}
@{{ $image.digest }}
{{- else -}}
:{{ $image.tag | default $root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "rosey.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "rosey.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* A claim: (list $ $component-name $name $persistence). */}}
{{- define "rosey.claim" -}}
{{- $persistence := index . 3 -}}
{{- $annotations := $persistence.annotations -}}
{{- if $persistence.keep -}}
{{- $annotations = merge (dict "helm.sh/resource-policy" "keep") $annotations -}}
{{- end -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  {{- include "rosey.metadata" (list (index . 0) (index . 1) (index . 2) $annotations) | nindent 2 }}
spec:
  {{- include "rosey.claimSpec" $persistence | nindent 2 }}
{{- end -}}

{{/* The claim of each pod of a StatefulSet: (list $ $component-name $persistence). */}}
{{- define "rosey.claimTemplate" -}}
{{- $persistence := index . 2 -}}
metadata:
  name: data
  labels:
    {{- include "rosey.selector" (list (index . 0) (index . 1)) | nindent 4 }}
  {{- with $persistence.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- include "rosey.claimSpec" $persistence | nindent 2 }}
{{- end -}}

{{- define "rosey.claimSpec" -}}
accessModes: {{ toJson .accessModes }}
{{- with .storageClass }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests:
    storage: {{ .size }}
{{- end -}}

{{/* A volume on a claim, or in the pod where it shall not outlive it: (list $name $claim $persistence). */}}
{{- define "rosey.volume" -}}
{{- $persistence := index . 2 -}}
name: {{ index . 0 }}
{{- if $persistence.enabled }}
persistentVolumeClaim:
  claimName: {{ $persistence.existingClaim | default (index . 1) }}
{{- else }}
emptyDir: {}
{{- end }}
{{- end -}}

{{/* What the bots run in: a StatefulSet where each has a volume of its own. */}}
{{- define "rosey.botKind" -}}
{{- $persistence := .Values.bot.persistence -}}
{{- if and $persistence.perReplica (not $persistence.enabled) -}}
{{- fail "bot.persistence.perReplica: needs bot.persistence.enabled" -}}
{{- end -}}
{{- if and $persistence.existingClaim (or $persistence.perReplica (gt (int .Values.bot.replicas) 1)) -}}
{{- fail "bot.persistence.existingClaim: is for one bot; bot.persistence.perReplica gives each of several its own" -}}
{{- end -}}
{{- if $persistence.perReplica -}}
StatefulSet
{{- else -}}
Deployment
{{- end -}}
{{- end -}}

{{/* Sections of a service's configuration file that are the same for all. */}}
{{- define "rosey.configuration" -}}
version: 2
nats:
  url: {{ include "rosey.natsUrl" . | quote }}
  {{- if .Values.nats.tls.secretName }}
  ca: /etc/rosey/nats/ca.crt
  {{- end }}
health:
  host: 0.0.0.0
  port: 9100
logging:
  level: {{ .Values.logging.level }}
  format: {{ .Values.logging.format }}
{{- with .Values.tracing.endpoint }}
telemetry:
  endpoint: {{ . | quote }}
  sample_ratio: {{ $.Values.tracing.sampleRatio }}
{{- end }}
{{- end -}}

{{/* Probes of a service of ours: (list $startupSeconds). Liveness asks for nothing beyond the process. */}}
{{- define "rosey.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 1
  timeoutSeconds: 2
  failureThreshold: {{ index . 0 }}
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 3
  timeoutSeconds: 3
  failureThreshold: 3
{{- end -}}

{{/* A Service for a component's health and metrics: (list $ "bot" $component). */}}
{{- define "rosey.httpService" -}}
apiVersion: v1
kind: Service
metadata:
  {{- $root := index . 0 }}
  {{- include "rosey.metadata" (list $root (index . 1) (printf "%s-%s" (include "rosey.fullname" $root) (index . 1)) (index . 2).service.annotations) | nindent 2 }}
spec:
  selector:
    {{- include "rosey.selector" (list $root (index . 1)) | nindent 4 }}
  ports:
    - {name: http, port: 9100, targetPort: http}
{{- end -}}

{{/* Changes when the data of a template does, so that pods begin anew: (list $ "/bot/configmap.yaml"). */}}
{{- define "rosey.checksum" -}}
{{- $root := index . 0 -}}
{{- (include (print $root.Template.BasePath (index . 1)) $root | fromYaml).data | toJson | sha256sum -}}
{{- end -}}

{{/* Whether objects of the Prometheus operator are rendered, as text: (list $ "PodMonitor"). */}}
{{- define "rosey.monitors" -}}
{{- $root := index . 0 -}}
{{- $kind := index . 1 -}}
{{- $mode := $root.Values.monitoring.renderMode -}}
{{- if or (eq $mode "alwaysRender") ($root.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" $kind)) -}}
true
{{- else if eq $mode "failIfMissing" -}}
{{- fail (printf "monitoring: the cluster has no %s: install the CRDs of the Prometheus operator, or set monitoring.renderMode" $kind) -}}
{{- end -}}
{{- end -}}

{{/*
Changes when a service's configuration does in a part that it reads only when it starts: (list $ "bot"). The other parts
it takes as soon as the kubelet has brought the new file, in about a minute.
*/}}
{{- define "rosey.configurationChecksum" -}}
{{- $root := index . 0 -}}
{{- $map := include (printf "%s/%s/configmap.yaml" $root.Template.BasePath (index . 1)) $root | fromYaml -}}
{{- $configuration := omit (index $map.data "config.yaml" | fromYaml) "platforms" "logging" -}}
{{- with $configuration.database -}}
{{- $_ := set $configuration "database" (omit . "retention") -}}
{{- end -}}
{{- with $configuration.bot -}}
{{- $_ := set $configuration "bot" (omit . "user_cooldown" "channel_cooldown" "user_count_interval" "status_interval" "outbound_interval" "stats_timeout" "timezone") -}}
{{- end -}}
{{- toJson $configuration | sha256sum -}}
{{- end -}}

{{/* A channel's name for files: the same wherever it stands in the list. */}}
{{- define "rosey.channelFile" -}}
{{- printf "%s %s" (.server | default "") .channel | sha256sum | trunc 12 -}}
{{- end -}}

{{/* A budget for evictions of a component that has several pods: (list $ "bot" $replicas $maxUnavailable). */}}
{{- define "rosey.disruptionBudget" -}}
{{- $root := index . 0 -}}
{{- if gt (int (index . 2)) 1 -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "rosey.metadata" (list $root (index . 1) (printf "%s-%s" (include "rosey.fullname" $root) (index . 1))) | nindent 2 }}
spec:
  maxUnavailable: {{ index . 3 }}
  selector:
    matchLabels:
      {{- include "rosey.selector" (list $root (index . 1)) | nindent 6 }}
{{- end -}}
{{- end -}}
