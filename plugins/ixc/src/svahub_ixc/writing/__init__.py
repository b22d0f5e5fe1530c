"""What svahub writes at IXC: notes, logins, licences, settlements. Each is a task, found before it is repeated."""
