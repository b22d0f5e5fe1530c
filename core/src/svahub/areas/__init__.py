"""What a tenant's hub offers, a module for each part of the business; `svahub.hub` puts them together."""
