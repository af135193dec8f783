import Foundation
import LosslessJSON

/// A request on its way to the engine.
struct ProxiedRequest {
    let call: EngineCall
    /// What it is about, as far as the request tells: the name or id of a container, the name of a volume, a reference
    /// of an image, the value of a label that is looked for.
    let subject: String?
    /// What the engine gets: the same, but for one call per connection.
    let forwarded: [UInt8]

    /// - Returns: `nil` if the client goes before it has said all.
    init?(readFrom client: Int32) {
        var bytes: [UInt8] = []
        var end: Int?
        while end == nil {
            let some = readSome(from: client)
            if some.isEmpty { return nil }
            bytes += some
            end = Self.headEnd(of: bytes)
        }
        guard let end else { return nil }
        var lines = String(decoding: bytes[..<(end - 4)], as: UTF8.self).components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ").map(String.init)
        guard words.count == 3, let target = URLComponents(string: words[1]) else { return nil }
        let length =
            lines.compactMap { line -> Int? in
                guard line.lowercased().hasPrefix("content-length:") else { return nil }
                return Int(line.dropFirst("content-length:".count).trimmingCharacters(in: .whitespaces))
            }.first ?? 0
        var body = Array(bytes[end...])
        while body.count < length {
            let some = readSome(from: client)
            if some.isEmpty { return nil }
            body += some
        }
        lines.removeAll { $0.lowercased().hasPrefix("connection:") }
        lines.append("Connection: close")
        forwarded = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body

        var parts = target.path.split(separator: "/").map(String.init)
        if let first = parts.first, first.hasPrefix("v1.") { parts.removeFirst() }
        let query = Dictionary(
            (target.queryItems ?? []).map { ($0.name, $0.value ?? "") }, uniquingKeysWith: { first, _ in first })
        call = EngineCall(
            method: words[0], path: parts.joined(separator: "/"), isFiltered: query["filters"] != nil)
        subject = Self.subject(of: call, parts, query, body)
    }

    private static func subject(
        of call: EngineCall, _ parts: [String], _ query: [String: String], _ body: [UInt8]
    ) -> String? {
        switch call {
        case .create: query["name"]
        case .list:
            query["filters"].flatMap { try? JSON(parsing: $0) }?["label"][0].text?
                .split(separator: "=", maxSplits: 1).last.map(String.init)
        case .inspect, .start, .stop, .kill, .remove, .inspectVolume, .removeVolume: parts.count > 1 ? parts[1] : nil
        case .pull: "\(query["fromImage"] ?? ""):\(query["tag"] ?? "")"
        case .inspectImage, .tagImage: parts.dropFirst().dropLast().joined(separator: "/")
        case .removeImage: parts.dropFirst().joined(separator: "/")
        case .createVolume: (try? JSON(parsing: body))?["Name"].text
        case .ping, .version, .info, .events, .listAll, .other: nil
        }
    }

    /// Behind the empty line that ends the head.
    static func headEnd(of bytes: [UInt8]) -> Int? { Data(bytes).range(of: Data("\r\n\r\n".utf8))?.upperBound }

    func answer(_ status: Int, _ message: String, on client: Int32) {
        let body: JSON = ["message": .string(message)]
        answer(status, text: body.encodedText, on: client)
    }

    func answer(_ status: Int, text: String, on client: Int32) {
        let head = """
            HTTP/1.1 \(status) Simulated\r\nContent-Type: application/json\r\n\
            Content-Length: \(text.utf8.count)\r\nConnection: close\r\n\r\n
            """
        _ = send(Array((head + text).utf8), on: client)
    }

    /// The status that this call succeeds with.
    var successStatus: Int { call == .create || call == .createVolume ? 201 : 200 }
}
