require "openssl"

# Whether a request is signed with one of the secrets, and now. Headers by lower-case name; the body as it came.
def verify(headers, body, secrets, now = Time.now.to_i)
  id = headers["webhook-id"].to_s
  timestamp = headers["webhook-timestamp"].to_s
  given = headers["webhook-signature"].to_s.split(" ")
  return false if id.empty? || !timestamp.match?(/\A[0-9]{1,12}\z/)
  return false if (now - timestamp.to_i).abs > 300

  secrets.any? do |secret|
    key = secret.delete_prefix("whsec_").unpack1("m")
    digest = OpenSSL::HMAC.digest("SHA256", key, "#{id}.#{timestamp}.".b + body.b)
    expected = "v1," + [digest].pack("m0")
    given.any? { |one| OpenSSL.secure_compare(expected, one) }
  end
end
