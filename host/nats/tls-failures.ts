/** The meaning of a failed TLS handshake, with its remedy. */
export interface TlsFailure {
  readonly means?: string;
  readonly hint?: string;
}

const UNTRUSTED: TlsFailure = {
  means: 'the server’s certificate is not signed by an authority that is trusted here',
  hint: 'Set nats.tls.caFile to the certificate of the authority that signed it.',
};

const CERTIFICATE_MISSING: TlsFailure = {
  means: 'the server requires a client certificate',
  hint: 'Set nats.tls.certFile and nats.tls.keyFile.',
};

const CERTIFICATE_REFUSED: TlsFailure = {
  means: 'the server does not accept the client certificate',
  hint: 'Check nats.tls.certFile: who signed it, and until when it is valid.',
};

export const HANDSHAKE_FIRST: TlsFailure = {
  means: 'the server starts with the TLS handshake, before its greeting',
  hint: 'Set nats.tls.handshakeFirst to true.',
};

/** The failures by Node's code, or by OpenSSL's reason in it. */
const FAILURES: readonly (readonly [code: RegExp, failure: TlsFailure])[] = [
  [/^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT.*|.*SELF_SIGNED_CERT.*)$/, UNTRUSTED],
  [
    /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    { means: 'the server’s certificate is not valid at this time', hint: 'Renew it on the server, or set the clock.' },
  ],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, { hint: 'Name the server in nats.servers as its certificate does.' }],
  [/ALERT_CERTIFICATE_REQUIRED$/, CERTIFICATE_MISSING],
  [/ALERT_(BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED)$/, CERTIFICATE_REFUSED],
  [
    /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/,
    {
      means: 'the server does not start with the TLS handshake',
      hint: 'Set nats.tls.handshakeFirst to false, or check the port.',
    },
  ],
  // The client's own message is only "tls".
  [
    /^SERVER_OPT_NA$/,
    {
      means: 'the server offers no TLS',
      hint: 'Remove nats.tls and tls:// from the config, or switch TLS on at the server.',
    },
  ],
];

export function tlsFailure(code: string): TlsFailure {
  return FAILURES.find(([pattern]) => pattern.test(code))?.[1] ?? {};
}
