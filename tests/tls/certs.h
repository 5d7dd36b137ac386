/* SPDX-License-Identifier: MIT
 *
 * Certificates, made when a test asks for them, in files of a directory that goes when it ends.
 */
#ifndef TESTS_TLS_CERTS_H
#define TESTS_TLS_CERTS_H

struct cert {
    const char *name;       /* of the file, without its end, and of the subject */
    const char *san;        /* as "DNS:localhost,IP:127.0.0.1"; NULL: none */
    const char *issuer;     /* name of a certificate that was made; NULL: itself */
    int from_days, to_days; /* from now on; both 0: from yesterday until tomorrow */
};

/* What: makes a certificate and its key, both in one file. */
void make_cert(const struct cert *c);

/* What: the file of a certificate. Valid until the 32nd call after it. */
const char *cert_file(const char *name);

/* What: makes those that most tests need: "ca", and by it "server" for localhost and 127.0.0.1,
 * "client", and "other" for other.test and 127.0.0.2. */
void make_certs(void);

#endif
