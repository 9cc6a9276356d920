{{- define "rosey.natsUrl" -}}
{{- if .Values.nats.enabled -}}
{{ ternary "tls" "nats" (ne .Values.nats.tls.secretName "") }}://{{ include "rosey.fullname" . }}-nats:4222
{{- else -}}
{{ required "nats.url: is needed where nats.enabled is false" .Values.nats.url }}
{{- end -}}
{{- end -}}

{{- define "rosey.natsSecretName" -}}
{{- default (printf "%s-nats-auth" (include "rosey.fullname" .)) .Values.nats.auth.existingSecret -}}
{{- end -}}

{{/* The users of NATS by the names that their passwords have in the Secret. */}}
{{- define "rosey.natsUsers" -}}
{{- $users := list "bot" "database" "admin" "cluster" -}}
{{- if .Values.operator.enabled -}}
{{- $users = append $users "operator" -}}
{{- end -}}
{{- if .Values.benchmark.enabled -}}
{{- $users = append $users "benchmark" -}}
{{- end -}}
{{- $names := values .Values.nats.auth.usernames -}}
{{- if ne (len (uniq $names)) (len $names) -}}
{{- fail "nats.auth.usernames: two have the same name" -}}
{{- end -}}
{{- $taken := concat (list "cluster") (keys .Values.nats.auth.usernames) $names -}}
{{- range .Values.nats.auth.users -}}
{{- if has .name $taken -}}
{{- fail (printf "nats.auth.users: %s is another's name" .name) -}}
{{- end -}}
{{- $taken = append $taken .name -}}
{{- $users = append $users .name -}}
{{- end -}}
{{- toJson $users -}}
{{- end -}}

{{/*
Passwords by key, in base64: those of the Secret that is there, and new ones for the others. Made once a rendering, since
each call would make others.
*/}}
{{- define "rosey.natsPasswords" -}}
{{- if not (hasKey .Values.nats.auth "_passwords") -}}
{{- $present := (lookup "v1" "Secret" .Release.Namespace (include "rosey.natsSecretName" .)).data | default dict -}}
{{- $passwords := dict -}}
{{- range include "rosey.natsUsers" . | fromJsonArray -}}
{{- $key := printf "%s-password" . -}}
{{- $_ := set $passwords $key (get $present $key | default (randAlphaNum 32 | b64enc)) -}}
{{- end -}}
{{- $_ := set .Values.nats.auth "_passwords" $passwords -}}
{{- end -}}
{{- toJson .Values.nats.auth._passwords -}}
{{- end -}}

{{/* What changes when a password does, so that NATS, which reads them when it starts, begins anew. */}}
{{- define "rosey.natsChecksum" -}}
{{- if not .Values.nats.auth.enabled -}}
none
{{- else if .Values.nats.auth.existingSecret -}}
{{- (lookup "v1" "Secret" .Release.Namespace .Values.nats.auth.existingSecret).data | toJson | sha256sum -}}
{{- else -}}
{{- include "rosey.natsPasswords" . | sha256sum -}}
{{- end -}}
{{- end -}}

{{/*
How a service of ours logs in to NATS: (list $ "bot"), as environment, volume and mount. It reads its password from a
file, which the kubelet replaces when the Secret changes: the service takes the new one at work.
*/}}
{{- define "rosey.natsUserEnvironment" -}}
{{- $root := index . 0 -}}
{{- if $root.Values.nats.auth.enabled -}}
- name: ROSEY_NATS__USER
  value: {{ index $root.Values.nats.auth.usernames (index . 1) | quote }}
- {name: ROSEY_NATS__PASSWORD, value: "${file:/etc/rosey/nats-user/password}"}
{{- end -}}
{{- end -}}
{{- define "rosey.natsUserVolume" -}}
{{- $root := index . 0 -}}
{{- if $root.Values.nats.auth.enabled -}}
- name: nats-user
  secret:
    secretName: {{ include "rosey.natsSecretName" $root }}
    items: [{key: {{ index . 1 }}-password, path: password}]
    defaultMode: 0440
{{- end -}}
{{- end -}}
{{- define "rosey.natsUserMount" -}}
{{- if .Values.nats.auth.enabled -}}
- {name: nats-user, mountPath: /etc/rosey/nats-user, readOnly: true}
{{- end -}}
{{- end -}}

{{/* The environment by which a pod that soon ends logs in to NATS: (list $ "admin"). */}}
{{- define "rosey.natsEnvironment" -}}
{{- $root := index . 0 -}}
{{- if $root.Values.nats.auth.enabled -}}
- name: ROSEY_NATS__USER
  value: {{ index $root.Values.nats.auth.usernames (index . 1) | quote }}
- name: ROSEY_NATS__PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "rosey.natsSecretName" $root }}
      key: {{ index . 1 }}-password
{{- end -}}
{{- end -}}

{{- define "rosey.natsEnvironmentName" -}}
ROSEY_NATS_{{ . | upper | replace "-" "_" }}
{{- end -}}

{{/* The authority of NATS' certificate, as a volume and as a mount, where its connections are encrypted. */}}
{{- define "rosey.natsAuthorityVolume" -}}
{{- with .Values.nats.tls.secretName -}}
- name: nats-authority
  secret:
    secretName: {{ . }}
    items: [{key: {{ $.Values.nats.tls.caKey }}, path: ca.crt}]
{{- end -}}
{{- end -}}
{{- define "rosey.natsAuthorityMount" -}}
{{- if .Values.nats.tls.secretName -}}
- {name: nats-authority, mountPath: /etc/rosey/nats, readOnly: true}
{{- end -}}
{{- end -}}
