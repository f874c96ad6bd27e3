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
