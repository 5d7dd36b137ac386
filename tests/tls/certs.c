/* SPDX-License-Identifier: MIT */
#include "tls/certs.h"

#include "support/test.h"

#include <dirent.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[64];
static pid_t owner;

static void remove_directory(void)
{
    DIR *dir = getpid() == owner ? opendir(directory) : NULL;
    char path[512];

    if (!dir)
        return;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", directory, e->d_name);
        if (e->d_name[0] != '.')
            unlink(path);
    }
    closedir(dir);
    rmdir(directory);
}

static void make_directory(void)
{
    if (directory[0])
        return;
    snprintf(directory, sizeof directory, "/tmp/hocket-tls-XXXXXX");
    cr_assert(mkdtemp(directory));
    owner = getpid();
    atexit(remove_directory);
}

const char *cert_file(const char *name)
{
    static char paths[32][128];
    static int next;
    char *path = paths[next++ % 32];

    snprintf(path, sizeof paths[0], "%s/%s.pem", directory, name);
    return path;
}

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    cr_assert(ext);
    cr_assert(X509_add_ext(x, ext, -1));
    X509_EXTENSION_free(ext);
}

static X509 *new_cert(const struct cert *c, EVP_PKEY *key)
{
    static long serial = 1;
    X509 *x = X509_new();
    const int day = 24 * 3600;
    int to = c->from_days || c->to_days ? c->to_days : 1;

    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), (c->from_days ? c->from_days : -1) * day);
    X509_gmtime_adj(X509_getm_notAfter(x), to * day);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)c->name, -1, -1, 0);
    return x;
}

static void load(const char *name, X509 **x, EVP_PKEY **key)
{
    FILE *f = fopen(cert_file(name), "r");

    cr_assert(f);
    *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    *x = PEM_read_X509(f, NULL, NULL, NULL);
    cr_assert(*x && *key);
    fclose(f);
}

static void store(const char *name, X509 *x, EVP_PKEY *key)
{
    FILE *f = fopen(cert_file(name), "w");

    cr_assert(f);
    cr_assert(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL));
    cr_assert(PEM_write_X509(f, x));
    fclose(f);
}

void make_cert(const struct cert *c)
{
    make_directory();
    EVP_PKEY *key = EVP_EC_gen("P-256"), *issuer_key = key;
    X509 *x = new_cert(c, key), *issuer = x;

    if (c->issuer)
        load(c->issuer, &issuer, &issuer_key);
    X509_set_issuer_name(x, X509_get_subject_name(issuer));
    if (!c->san)
        add_extension(x, issuer, NID_basic_constraints, "critical,CA:TRUE");
    else
        add_extension(x, issuer, NID_subject_alt_name, c->san);
    cr_assert(X509_sign(x, issuer_key, EVP_sha256()));
    store(c->name, x, key);
    if (c->issuer) {
        X509_free(issuer);
        EVP_PKEY_free(issuer_key);
    }
    X509_free(x);
    EVP_PKEY_free(key);
}

void make_certs(void)
{
    make_cert(&(struct cert){.name = "ca"});
    make_cert(
        &(struct cert){.name = "server", .san = "DNS:localhost,IP:127.0.0.1", .issuer = "ca"});
    make_cert(
        &(struct cert){.name = "other", .san = "DNS:other.test,IP:127.0.0.2", .issuer = "ca"});
    make_cert(&(struct cert){.name = "client", .san = "DNS:client.test", .issuer = "ca"});
}
