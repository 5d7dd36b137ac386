/* SPDX-License-Identifier: MIT
 *
 * hocket/tls.h: TLS on streams, by OpenSSL 3. In a library of its own, hocket-tls.
 *
 * A stream that is open becomes encrypted by a handshake, hkt_tls_connect() on one side and
 * hkt_tls_accept() on the other; from then on every call of net.h means what it meant before. A
 * context, struct hkt_tls, holds what many connections share: certificates, whom to trust,
 * sessions.
 *
 * A client checks the server's certificate and its name, unless it is told not to. Versions below
 * TLS 1.2, compression, renegotiation and early data are not to be had.
 *
 * Ending: hkt_stream_write_eof() and hkt_stream_close() tell the other side that no more comes
 * (close_notify). A connection that ends without that word was cut short, perhaps by an attacker:
 * reads answer -ECONNRESET, and not 0.
 *
 * Errors of the protocol are answered by reads and writes as -EPROTO, a certificate that is refused
 * as HKT_ECERT; hkt_tls_error() is the reason in words.
 *
 * All on the loop's own thread, the context's calls too; each loop has contexts of its own.
 */
#ifndef HOCKET_TLS_H
#define HOCKET_TLS_H

#include <hocket/base.h>
#include <hocket/net.h>

#include <stdbool.h>

struct hkt_tls;
struct ssl_st; /* OpenSSL's SSL */

/* What a server wants to know of its clients. */
enum hkt_tls_client {
    HKT_TLS_ANYBODY, /* no certificate is asked for */
    HKT_TLS_ASKED,   /* one that is shown must be good */
    HKT_TLS_KNOWN,   /* one must be shown */
};

enum hkt_tls_version { HKT_TLS_1_2 = 0x0303, HKT_TLS_1_3 = 0x0304 };

struct hkt_tls_opts {
    const char *cert;    /* file of the own certificate and what leads to its issuer, as PEM; NULL:
                            none, which does for most clients */
    const char *key;     /* file of its key; NULL: in the same */
    const char *ca_file; /* whom to trust, as PEM: a file, */
    const char *ca_dir;  /* and a directory as `openssl rehash` makes it; both NULL: whom the
                            system trusts */
    const char *const *alpn; /* protocols, best first, NULL at the end; NULL: none */
    bool unverified;         /* connect to anybody: no protection from who sits in between */
    enum hkt_tls_client client;
    enum hkt_tls_version oldest; /* 0: TLS 1.2 */
    enum hkt_tls_version newest; /* 0: what OpenSSL has */
    int64_t
        handshake_ns;    /* how long a handshake may take; 0: 60 s, negative: as long as it likes */
    int64_t shutdown_ns; /* hkt_tls_close(): how long to wait for the other side's end; 0: 30 s,
                            negative: as long as that takes */
};

HKT_BEGIN_DECLS

/* Contexts */

/* What: makes a context, for clients, servers or both. opts may be NULL, and is not kept. It reads
 * files, with calls that block. *tls is NULL unless it succeeds.
 * Returns: 0; -EINVAL: a file or option that OpenSSL does not take, reported; -ENOMEM.
 * Suspends: never. Owner: the caller, who ends it by hkt_tls_free().
 * asyncio: ssl.create_default_context(). */
HKT_API HKT_MUST_CHECK int hkt_tls_new(const struct hkt_tls_opts *opts, struct hkt_tls **tls);

/* What: a server's choice by the name that a client asks for: for this one, or as "*.example.org"
 * for any one label before it, the certificate and settings of `other` are used. Sessions that were
 * made by one of the two are not resumed by the other.
 * Returns: 0; -EINVAL: no name; -ENOMEM. Suspends: never. Owner: `other` may be freed before tls.
 * Python: SSLContext.sni_callback. */
HKT_API HKT_MUST_CHECK int hkt_tls_add_name(struct hkt_tls *tls, const char *name,
                                            struct hkt_tls *other);

/* What: ends it; streams that it made go on. NULL is fine. Suspends: never. */
HKT_API void hkt_tls_free(struct hkt_tls *tls);

/* Handshakes */

/* What: a client's handshake on a stream that is open: first what was written to it is sent. host:
 * the name, or number, that the server's certificate must have, and that it is told (SNI); NULL is
 * for a context that does not verify. A session that an earlier connection to this host and port
 * left is resumed.
 * Returns: 0; HKT_ECERT: the certificate was refused; -EPROTO: no agreement, or no TLS; -ETIMEDOUT;
 * -ECONNRESET and the like; -EBUSY: another task reads from it, or it is encrypted; -EINVAL: no
 * host to check; -ENOMEM; -ECANCELED. After an error it can only be asked and closed.
 * Suspends: until it is decided. asyncio: start_tls(), server_hostname=. */
HKT_API hkt_async int hkt_tls_connect(struct hkt_tls *tls, struct hkt_stream *s, const char *host);

/* What: a server's handshake on a stream that is open. What has been read ahead belongs to it.
 * Returns: 0; as hkt_tls_connect(), HKT_ECERT being about the client's certificate.
 * Suspends: until it is decided. asyncio: start_tls(server_side=True). */
HKT_API hkt_async int hkt_tls_accept(struct hkt_tls *tls, struct hkt_stream *s);

/* What: hkt_open_connection() and then hkt_tls_connect(). host NULL: that of the URL. opts may be
 * NULL. *s is NULL unless it succeeds; why not is reported.
 * Returns: 0; as these two. Suspends: until it is decided. Owner: the caller, of *s.
 * asyncio: open_connection(ssl=). */
HKT_API hkt_async int hkt_open_tls_connection(struct hkt_tls *tls, const char *url,
                                              const char *host, const struct hkt_connect_opts *opts,
                                              struct hkt_stream **s);

/* What a server does with a connection once it is encrypted. */
struct hkt_tls_service {
    struct hkt_tls *tls;
    hkt_stream_fn *handler;
    void *arg;
};

/* What: a handler for hkt_start_server(), with a struct hkt_tls_service for its arg, that does the
 * handshake and then calls the service's handler with its arg. That a client fails in it is the
 * client's affair: -ECONNRESET, which is not reported.
 * Returns: what the handler does. Suspends: until it is decided. asyncio: start_server(ssl=). */
HKT_API hkt_async int hkt_tls_serve(struct hkt_stream *s, void *service);

/* What: says that no more comes, waits until the other side has said the same, dropping what it
 * still sends, and closes. hkt_stream_close() does not wait for the other side, so the system
 * may have to drop what is on its way when more comes from there.
 * Returns: 0; -ETIMEDOUT: it did not within shutdown_ns; what keeps something from being sent or
 * received; -ECANCELED; closed in any case. Suspends: until that comes. Python: SSLSocket.unwrap().
 */
HKT_API hkt_async int hkt_tls_close(struct hkt_stream *s);

/* Asking, of a stream. Suspends: never. asyncio: get_extra_info(). */

/* What: whether it is encrypted: its handshake has succeeded. */
HKT_API bool hkt_tls_on(const struct hkt_stream *s);
/* What: why the handshake, a read or a write failed. Returns: a line; NULL: nothing did, or it is
 * no error of TLS. Valid until the stream is freed, as all that follows. */
HKT_API const char *hkt_tls_error(const struct hkt_stream *s);
/* What: the protocol that was agreed on by ALPN. Returns: NULL if none. */
HKT_API const char *hkt_tls_alpn(const struct hkt_stream *s);
/* What: as "TLSv1.3"; as "TLS_AES_256_GCM_SHA384"; the name that the client asks for (SNI).
 * Returns: NULL if there is none. */
HKT_API const char *hkt_tls_version(const struct hkt_stream *s);
HKT_API const char *hkt_tls_cipher(const struct hkt_stream *s);
HKT_API const char *hkt_tls_server_name(const struct hkt_stream *s);
/* What: whether an earlier connection's session was resumed. */
HKT_API bool hkt_tls_resumed(const struct hkt_stream *s);
/* What: the subject of the other side's certificate, as "CN = example.org", cut to size bytes with
 * the NUL. Returns: its length; -ENOENT: it showed none; -EINVAL: size is 0. */
HKT_API int hkt_tls_peer_subject(const struct hkt_stream *s, char *buf, size_t size);
/* What: OpenSSL's object, for what is not here. It must not be read, written or shut down with.
 * Returns: NULL when it is not encrypted. */
HKT_API struct ssl_st *hkt_tls_ssl(const struct hkt_stream *s);

HKT_END_DECLS

#endif
