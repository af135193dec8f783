import LosslessJSON

/// What Podman's service means by a refusal. It answers 500 to many calls where Docker's engine answers with a status
/// that tells the kind of the refusal; what kind it is stands in a member of the body that Docker's engine has not.
enum PodmanRefusal {
    private static let conflicts: Set<String> = [
        "that name is already in use", "container already exists", "container state improper",
    ]
    private static let absences: Set<String> = [
        "no such container", "container has already been removed", "no such volume", "image not known",
    ]

    /// The status that Docker's engine would have answered with.
    static func status(_ status: Int, _ body: JSON?) -> Int {
        guard status == 500, let cause = body?["cause"].text else { return status }
        if conflicts.contains(cause) { return 409 }
        return absences.contains(cause) ? 404 : status
    }
}
