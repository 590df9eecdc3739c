"""The tree is RFC 6962's: published vectors, and every proof of every tree up to a size."""

from __future__ import annotations

from hashlib import sha256

import pytest

from governance.audit.merkle import (
    CompactRange,
    Tree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from governance.audit.verify import Edge, root_from_proof

# Leaves and roots of the certificate-transparency reference implementation's Merkle tree tests.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
INCLUSION = {  # (index, size): proof
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
}
CONSISTENCY = {  # (old, new): proof
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def _tree(size: int) -> Tree:
    return Tree(leaf_hash(str(number).encode()) for number in range(size))


def test_roots_are_those_of_the_reference_implementation() -> None:
    tree, frontier, edge = Tree(map(leaf_hash, LEAVES)), CompactRange(), Edge()
    assert tree.root(0).hex() == frontier.root().hex() == edge.root().hex() == EMPTY
    for size, leaf in enumerate(LEAVES, 1):
        frontier.append(leaf_hash(leaf))
        edge.add(leaf_hash(leaf))
        assert tree.root(size).hex() == frontier.root().hex() == edge.root().hex() == ROOTS[size - 1]


def test_proofs_are_those_of_the_reference_implementation() -> None:
    tree = Tree(map(leaf_hash, LEAVES))
    for (index, size), proof in INCLUSION.items():
        assert [one.hex() for one in tree.inclusion_proof(index, size)] == proof
    for (old, new), proof in CONSISTENCY.items():
        assert [one.hex() for one in tree.consistency_proof(old, new)] == proof


def test_a_leaf_and_a_node_of_the_same_bytes_differ() -> None:
    left, right = leaf_hash(b"l"), leaf_hash(b"r")
    assert leaf_hash(left + right) != node_hash(left, right)


def test_a_frontier_has_the_root_of_the_tree_at_every_size() -> None:
    tree, frontier = _tree(130), CompactRange()
    for size in range(130):
        assert frontier.root() == tree.root(size)
        assert CompactRange(size, frontier.edge).root() == tree.root(size)
        frontier.append(tree.leaf(size))


def test_a_copied_frontier_grows_on_its_own() -> None:
    frontier = CompactRange()
    frontier.append(leaf_hash(b"a"))
    copy = frontier.copy()
    copy.append(leaf_hash(b"b"))
    assert (frontier.size, copy.size) == (1, 2)
    assert frontier.root() == leaf_hash(b"a")


@pytest.mark.parametrize(("size", "edge"), [(1, []), (3, [bytes(32)]), (1, [bytes(31)])])
def test_a_frontier_of_the_wrong_shape_is_refused(size: int, edge: list[bytes]) -> None:
    with pytest.raises(ValueError, match="hashes of 32 bytes"):
        CompactRange(size, edge)


def test_every_inclusion_proof_up_to_size_64_holds_and_for_no_other_place() -> None:
    tree = _tree(64)
    for size in range(1, 65):
        root = tree.root(size)
        for index in range(size):
            leaf, proof = tree.leaf(index), tree.inclusion_proof(index, size)
            assert verify_inclusion(leaf, index, size, proof, root)
            assert root_from_proof(leaf, index, size, proof) == root
            assert not verify_inclusion(leaf, (index + 1) % size, size, proof, root) or size == 1
            assert not verify_inclusion(tree.leaf((index + 1) % 64), index, size, proof, root)
            assert not verify_inclusion(leaf, index, size, [*proof, root], root)
            assert root_from_proof(leaf, index, size, [*proof, root]) is None
            for position in range(len(proof)):
                broken = list(proof)
                broken[position] = sha256(broken[position]).digest()
                assert not verify_inclusion(leaf, index, size, broken, root)
                assert not verify_inclusion(leaf, index, size, proof[:position], root)


def test_every_consistency_proof_up_to_size_64_holds_and_no_altered_one_does() -> None:
    tree = _tree(64)
    for new in range(65):
        for old in range(new + 1):
            old_root, new_root = tree.root(old), tree.root(new)
            proof = tree.consistency_proof(old, new)
            assert verify_consistency(old, new, old_root, new_root, proof)
            wrong = sha256(new_root).digest()
            assert not verify_consistency(old, new, wrong, new_root, proof)
            if old:
                assert not verify_consistency(old, new, old_root, wrong, proof)
            assert not verify_consistency(old, new, old_root, new_root, [*proof, wrong])
            for position in range(len(proof)):
                broken = list(proof)
                broken[position] = sha256(broken[position]).digest()
                assert not verify_consistency(old, new, old_root, new_root, broken)
                assert not verify_consistency(old, new, old_root, new_root, proof[:position])


def test_a_consistency_proof_binds_both_sizes() -> None:
    tree = _tree(32)
    for new in range(2, 33):
        for old in range(1, new):
            proof = tree.consistency_proof(old, new)
            for other in range(1, new):
                if other != old:
                    assert not verify_consistency(other, new, tree.root(old), tree.root(new), proof)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_there_is_no_proof_of_a_leaf_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        _tree(5).inclusion_proof(index, size)
    assert not verify_inclusion(bytes(32), index, size, [], bytes(32))


def test_there_is_no_proof_about_a_tree_that_is_larger_or_later() -> None:
    with pytest.raises(ValueError, match="5 leaves, not 6"):
        _tree(5).root(6)
    with pytest.raises(ValueError, match="no earlier tree of 4"):
        _tree(5).consistency_proof(4, 3)
    assert verify_consistency(4, 3, bytes(32), bytes(32), []) is False
