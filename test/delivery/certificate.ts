/**
 * A self-signed certificate (PEM) of test receivers, for `hooks.example.com` and 127.0.0.1, valid from 2020 until 2120.
 * Nothing but tests trusts it.
 */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBfjCCASWgAwIBAgIBATAKBggqhkjOPQQDAjAcMRowGAYDVQQDDBFob29rcy5l
eGFtcGxlLmNvbTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowHDEa
MBgGA1UEAwwRaG9va3MuZXhhbXBsZS5jb20wWTATBgcqhkjOPQIBBggqhkjOPQMB
BwNCAASim3RqRyrsfhc2hq7+5QtA7S/3172zPt9qg+GeORCiUqJfjfuYxurI4beF
1fejnfNU4rNKW6KSf65NwoA9Z1w/o1YwVDAPBgNVHRMBAf8EBTADAQH/MCIGA1Ud
EQQbMBmCEWhvb2tzLmV4YW1wbGUuY29thwR/AAABMB0GA1UdDgQWBBQHltGsEhVu
CFceEnyUEQsaSpwlaTAKBggqhkjOPQQDAgNHADBEAiB54iUu/q7Q80EmqwVBwP+D
wMILOcXRmqiC8TKa4xaDDAIgKeoLrA+R2J0hNhNEPjH0cth5UH9Aw5La7EbYLjIK
FVE=
-----END CERTIFICATE-----
`;

/** The private key (PEM) of {@link certificate}. */
export const privateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgfcfi2cHf1JTOqnff
Y+eYtweJoo8V1hOgefAhbPTWzC2hRANCAASim3RqRyrsfhc2hq7+5QtA7S/3172z
Pt9qg+GeORCiUqJfjfuYxurI4beF1fejnfNU4rNKW6KSf65NwoA9Z1w/
-----END PRIVATE KEY-----
`;

/** A certificate (PEM) for the same names and key, whose time was over on 2 January 2020. */
export const expiredCertificate = `-----BEGIN CERTIFICATE-----
MIIBfTCCASOgAwIBAgIBAjAKBggqhkjOPQQDAjAcMRowGAYDVQQDDBFob29rcy5l
eGFtcGxlLmNvbTAeFw0yMDAxMDEwMDAwMDBaFw0yMDAxMDIwMDAwMDBaMBwxGjAY
BgNVBAMMEWhvb2tzLmV4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD
QgAEopt0akcq7H4XNoau/uULQO0v99e9sz7faoPhnjkQolKiX437mMbqyOG3hdX3
o53zVOKzSluikn+uTcKAPWdcP6NWMFQwDwYDVR0TAQH/BAUwAwEB/zAiBgNVHREE
GzAZghFob29rcy5leGFtcGxlLmNvbYcEfwAAATAdBgNVHQ4EFgQUB5bRrBIVbghX
HhJ8lBELGkqcJWkwCgYIKoZIzj0EAwIDSAAwRQIgZuDoqqTogicQl5iInRN3SD60
1pWWEfw+v2IcJ0KmIsYCIQDppkeKjdSym90ajxMeoXiX29iJjVndv7NPSpDDlOqU
eg==
-----END CERTIFICATE-----
`;
