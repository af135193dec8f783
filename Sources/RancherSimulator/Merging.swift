package import LosslessJSON

extension JSONObject {
    /// What a server of Rancher 1.6 makes of an answer (PROTOCOL.md 4.5): a key with a plus in front is merged into the
    /// object of that name, which is made if there is none; any other value takes the place of what was there.
    package func merging(_ update: JSONObject) -> JSONObject {
        var result = self
        for member in update {
            guard member.key.first == "+", let inner = member.value.object else {
                result[member.key] = member.value
                continue
            }
            let key = String(member.key.dropFirst())
            result[key] = .object((self[key]?.object ?? JSONObject()).merging(inner))
        }
        return result
    }
}
