/* SPDX-License-Identifier: MIT
 *
 * The values of a tree in order. The walk is a plain recursive function: it yields from any depth
 * of calls, where Python needs a generator for each subtree.
 *
 *      def walk(t):
 *          if t:
 *              yield from walk(t.left)
 *              yield t.value
 *              yield from walk(t.right)
 *
 *      for x in walk(root):
 *          print(x, end=" ")
 */
#include <hocket/gen.h>

#include <stdio.h>

struct tree {
    int value;
    struct tree *left, *right;
};

HKT_GEN_OF(ints, int);

static int walk(struct hkt_gen *self, const struct tree *t)
{
    if (!t)
        return 0;
    HKT_TRY(walk(self, t->left));
    HKT_TRY(ints_yield(self, t->value));
    return walk(self, t->right);
}

static int in_order(struct hkt_gen *self, void *root)
{
    return walk(self, root);
}

int main(void)
{
    struct tree one = {1, NULL, NULL}, three = {3, NULL, NULL}, two = {2, &one, &three};
    struct tree five = {5, NULL, NULL}, root = {4, &two, &five};
    int rc;

    HKT_EACH(ints, x, hkt_gen_new(in_order, &root), &rc)
        printf("%d ", x);
    puts("");
    return rc < 0;
}
